"""`prepare --forecast`: how long a preparation takes and how large it becomes, from a measured sample that is thrown away."""

import tempfile
import time
from dataclasses import dataclass, replace

import psutil

from gan_core.errors import DataError
from gan_core.storage import open_folder
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.preparing.planning import Plan
from gan_pipeline.preparing.shard_writer import ShardRecord, Tally, write_shard

_FIRST = 20
"""Inputs that are read before the measurement: they load networks and fill caches."""

_SECONDS = 10.0
"""Seconds that the measured inputs should take."""

_MOST = 5000
"""The most inputs of a sample."""


@dataclass(frozen=True)
class PreparationForecast:
    """The time, the size and the cost of a preparation that has not begun.

    Attributes:
        sampled: inputs that were measured.
        images_per_second: inputs that one process reads and writes.
        workers: processes that share the work; no more than there are processors count.
        hours: time on the wall.
        examples: those that will be kept, if the sample is like the rest.
        bytes: size of all shards.
        memory: bytes of memory of one process.
        cost: hours times the price of an hour; None without a price.
    """

    sampled: int
    images_per_second: float
    workers: int
    hours: float
    examples: int
    bytes: int
    memory: int
    cost: float | None


def forecast(plan: Plan, workers: int, price_per_hour: float | None) -> PreparationForecast:
    """Write a sample of the plan's inputs into a temporary folder, and calculate from that.

    Args:
        plan: the preparation.
        workers: processes of this machine that it will have.
        price_per_hour: of this machine, in any currency.

    Raises:
        DataError: no input of the sample can be used.
        StorageError: the source cannot be read, or there is no room for the sample.
    """
    task = max(plan.tasks, key=lambda one: len(one.ids))
    ids = [number for one in plan.tasks if one.source_split == task.source_split for number in one.ids]
    began = time.monotonic()
    first, _ = _sample(plan, task, ids, min(_FIRST, len(ids)))
    start = time.monotonic() - began
    count = max(_FIRST, min(_MOST, int(_SECONDS * first.read / start)))
    record, seconds = _sample(plan, task, ids, min(count, len(ids)))
    if not record.shard.examples:
        raise DataError(f"{plan.options.source}: none of {record.read} sampled images can be used; see prepare --dry-run")
    rate = record.read / seconds
    shared = min(workers, psutil.cpu_count() or 1, len(plan.tasks))
    hours = (start + plan.examples / (rate * shared)) / 3600
    kept = plan.examples * record.shard.examples / record.read
    return PreparationForecast(
        sampled=record.read,
        images_per_second=rate,
        workers=shared,
        hours=hours,
        examples=round(kept),
        bytes=round(kept * record.shard.bytes / record.shard.examples),
        memory=psutil.Process().memory_info().rss,
        cost=None if price_per_hour is None else hours * price_per_hour,
    )


def _sample(plan: Plan, task: ShardTask, ids: list[int], count: int) -> tuple[ShardRecord, float]:
    """Write so many inputs, evenly spread over all, and return their record and the seconds that they took."""
    chosen = tuple(ids[place * len(ids) // count] for place in range(count))
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        record = write_shard(open_folder(folder), replace(task, ids=chosen, reserve=()), plan.source, 1.0, _ignore)
        return record, time.monotonic() - began


def _ignore(tally: Tally) -> None:
    """A sample reports no progress."""
