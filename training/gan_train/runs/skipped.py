"""skipped_shards.jsonl: the shards that a run leaves out, so that it leaves out the same ones when it is resumed.

A shard that was repaired is read again once its line is removed from the file; the data then comes in another order.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from gan_core.documents import PrintableText, Whole, read_json_lines
from gan_core.errors import DataError
from gan_core.notices import warn
from gan_core.storage import Folder
from gan_pipeline.dataset.verify import check_shard
from gan_train.data.dataset import Dataset
from gan_train.data.reader import CorruptShardError
from gan_train.runs.layout import SKIPPED, committed_steps


@dataclass(frozen=True)
class Skipped:
    """A shard that is left out.

    Attributes:
        file: its name in the dataset folder.
        from_step: the data of all steps after this one is without it.
        reason: what was wrong with it.
    """

    file: str
    from_step: Whole
    reason: PrintableText


_SKIPPED = TypeAdapter(Skipped)
_REMEDY = "it decides the order of the data: restore it, or start a new run in another folder"


def read_skipped(run: Folder) -> tuple[Skipped, ...]:
    """The shards that a run leaves out so far. Raises DataError if the file is damaged."""
    if not run.exists(SKIPPED):
        return ()
    return tuple(skipped for _, skipped in read_json_lines(run, SKIPPED, _SKIPPED, _REMEDY))


def write_skipped(run: Folder, skipped: Sequence[Skipped]) -> None:
    """Replace skipped_shards.jsonl as a whole."""
    run.write(SKIPPED, "".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in skipped).encode())


def corrupt_shards(dataset: Dataset, from_step: int, skip: bool) -> tuple[Skipped, ...]:
    """Compare every shard of a dataset that is read with the manifest.

    Args:
        dataset: without the shards that are left out already.
        from_step: the step the run stands at.
        skip: whether a damaged shard is left out.

    Returns:
        The damaged shards.

    Raises:
        DataError: a shard is damaged and `skip` is false; the message names the first.
        StorageError: a shard cannot be read.
    """
    found = []
    for shard in dataset.shards:
        try:
            check_shard(dataset.folder, shard)
        except DataError as error:
            if not skip:
                raise
            found.append(Skipped(shard.file, from_step, str(error)))
    return tuple(found)


def warn_of(skipped: Sequence[Skipped], dataset: Dataset) -> None:
    """Warn of each shard that is left out, and of the share of the examples that `dataset` lacks for it."""
    for one in skipped:
        warn(f"shard left out: {one.reason}")
    if skipped:
        warn(f"training without {dataset.skipped_share:.1%} of the examples, see {SKIPPED}")


def without_shard(dataset: Dataset, run: Folder, error: CorruptShardError) -> Dataset:
    """The dataset without a shard that was found damaged, from the newest checkpoint on. The run folder records the shard."""
    skipped = Skipped(error.file, max(committed_steps(run), default=0), str(error))
    fewer = dataset.without([error.file])
    write_skipped(run, (*read_skipped(run), skipped))
    warn_of([skipped], fewer)
    return fewer
