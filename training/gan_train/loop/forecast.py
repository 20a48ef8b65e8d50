"""`run --forecast`: how long a training takes and what it costs, from 20 measured steps of it in a temporary run folder."""

import math
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gan_core.errors import UsageError
from gan_core.notices import hidden
from gan_core.storage import Folder, open_folder
from gan_train.distribution.cluster import find_cluster
from gan_train.distribution.strategy import make_strategy
from gan_train.logs.metrics_log import Row
from gan_train.logs.oversight import Oversight
from gan_train.logs.writer import Writer
from gan_train.loop.preparation import with_precision
from gan_train.loop.request import Request
from gan_train.loop.run import train
from gan_train.runs.layout import CHECKPOINTS, committed_steps, step_name
from gan_train.runs.retention import Keep

_EVERY = 10
"""Steps between two snapshots and checkpoints of the trial; the first ten steps trace, and are not measured."""

_STEPS = 3 * _EVERY


@dataclass(frozen=True)
class TrainingForecast:
    """The time, the size and the cost of what is left of a training.

    Attributes:
        from_step, to_step: where it stands, and its last step.
        steps_per_second: while it trains.
        images_per_second_and_device: global batches by time and devices.
        hours: time on the wall to the last step, with snapshots, checkpoints and the start.
        start_seconds: until the first step is done: checks, networks, tracing.
        snapshot_seconds, checkpoint_seconds: of each.
        snapshots, checkpoints: how many there will be.
        checkpoint_bytes: of each; `--keep` says how many stay.
        snapshot_bytes: of each; all of them stay.
        storage_writes: files that are uploaded to gs:// by snapshots and checkpoints; 0 for a local folder.
        memory: the most bytes of memory that the process held.
        cost: hours times the price of an hour; None without a price.
    """

    from_step: int
    to_step: int
    steps_per_second: float
    images_per_second_and_device: float
    hours: float
    start_seconds: float
    snapshot_seconds: float
    checkpoint_seconds: float
    snapshots: int
    checkpoints: int
    checkpoint_bytes: int
    snapshot_bytes: int
    storage_writes: int
    memory: int
    cost: float | None


class _Rows(Writer):
    """Keeps every row of a training, and when the first came."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.first_at = 0.0

    def write_row(self, row: Row) -> None:
        self.first_at = self.first_at or time.monotonic()
        self.rows.append(row)


def forecast(request: Request, price_per_hour: float | None) -> TrainingForecast:
    """Train `_STEPS` steps of the request in a temporary folder, which is removed, and calculate from the last 20 of them.

    Args:
        request: the training; its run folder is read for the step it stands at, and not written.
        price_per_hour: of all its machines together, in any currency.

    Raises:
        UsageError: the run is finished, or several machines would train it.
        GanmillError: as `train` does.
    """
    if find_cluster(request.strategy, os.environ):
        raise UsageError("--forecast measures one machine, and TF_CONFIG names several; unset it, or give --strategy default")
    run = open_folder(request.out)
    start = max(committed_steps(run), default=0)
    recipe = with_precision(request.recipe, run)
    if start >= recipe.steps:
        raise UsageError(f"{request.out}: it is at step {start} of {recipe.steps} already; give a larger --steps to forecast")
    trial = recipe.model_copy(update={"steps": _STEPS, "snapshot_every": _EVERY, "checkpoint_every": _EVERY})
    operation = replace(request.operation, keep=Keep(), track=(), on_failure="warn")
    listener, began = _Rows(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/run"
        tried = replace(request, recipe=trial, out=out, operation=operation, stop=None, oversight=Oversight())
        with hidden():
            train(tried, [listener])
        checkpoint, snapshot = _files(open_folder(out))
    # The row after the first snapshot and checkpoint, and the last one: between them lie one more of each.
    first, last = listener.rows[_EVERY], listener.rows[-1]
    stalls = {name: last[f"stall.{name}"] - first[f"stall.{name}"] for name in ("snapshot", "checkpoint")}
    seconds = (last["elapsed"] - first["elapsed"] - sum(stalls.values())) / (last["step"] - first["step"])
    start_seconds = listener.first_at - began
    snapshots, checkpoints = (_times(start, recipe.steps, every) for every in (recipe.snapshot_every, recipe.checkpoint_every))
    total = start_seconds + (recipe.steps - start) * seconds
    total += snapshots * stalls["snapshot"] + checkpoints * stalls["checkpoint"]
    writes = snapshots * len(snapshot) + checkpoints * len(checkpoint)
    devices = make_strategy(request.strategy, request.logical_cpus).num_replicas_in_sync
    hours = total / 3600
    return TrainingForecast(
        from_step=start,
        to_step=recipe.steps,
        steps_per_second=1 / seconds,
        images_per_second_and_device=recipe.batch_size / seconds / devices,
        hours=hours,
        start_seconds=start_seconds,
        snapshot_seconds=stalls["snapshot"],
        checkpoint_seconds=stalls["checkpoint"],
        snapshots=snapshots,
        checkpoints=checkpoints,
        checkpoint_bytes=sum(checkpoint),
        snapshot_bytes=sum(snapshot),
        storage_writes=writes if request.out.startswith("gs://") else 0,
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        cost=None if price_per_hour is None else hours * price_per_hour,
    )


def _files(run: Folder) -> tuple[Sequence[int], Sequence[int]]:
    """The sizes in bytes of the files of the last checkpoint, and of those of the last snapshot."""
    last = [entry for entry in run.entries() if step_name(_STEPS) in entry.name]
    of_checkpoint = [entry.size for entry in last if entry.name.startswith(f"{CHECKPOINTS}/")]
    return of_checkpoint, [entry.size for entry in last if not entry.name.startswith(f"{CHECKPOINTS}/")]


def _times(start: int, end: int, every: int) -> int:
    """How often something happens after `start` and up to `end`: every so many steps, and after the last one."""
    return math.ceil(end / every) - start // every


def told(found: TrainingForecast) -> dict[str, Any]:
    """The forecast as a document, rounded to what was measured."""
    return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in asdict(found).items()}
