"""skipped_shards.jsonl: the shards a run does without, so that it does without the same ones when it is resumed.

A shard that was mended is used again once its line is removed; the order of the data is then another.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gan_core.errors import DataError
from gan_core.notices import warn
from gan_core.storage import Folder
from gan_pipeline.dataset.verify import check_shard
from gan_train.data.dataset import Dataset
from gan_train.runs.layout import SKIPPED, committed_steps

if TYPE_CHECKING:
    from gan_train.data.input import CorruptShardError


@dataclass(frozen=True)
class Skipped:
    """One shard left out.

    Attributes:
        file: its name in the dataset folder.
        from_step: it is absent from the data of all steps after this one.
        reason: what was wrong with it.
    """

    file: str
    from_step: int
    reason: str


def read_skipped(run: Folder) -> tuple[Skipped, ...]:
    """Those of a run so far. Raises DataError if the file is damaged."""
    if not run.exists(SKIPPED):
        return ()
    try:
        return tuple(Skipped(**json.loads(line)) for line in run.read(SKIPPED).splitlines())
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{run.locate(SKIPPED)}: damaged ({error}); it decides the order of the data: restore it, or start a new run in "
            "another folder"
        ) from error


def write_skipped(run: Folder, skipped: Sequence[Skipped]) -> None:
    """Replace the record, all at once."""
    run.write(SKIPPED, "".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in skipped).encode())


def corrupt_shards(dataset: Dataset, from_step: int, skip: bool) -> tuple[Skipped, ...]:
    """Compare every shard that is read with the manifest.

    Returns:
        Those to leave out.

    Raises:
        DataError: the first that is not what the manifest says, unless it is to be skipped.
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
    """Say on stderr, once for each shard, what `dataset` does without."""
    for one in skipped:
        warn(f"shard left out: {one.reason}")
    if skipped:
        warn(f"training without {dataset.skipped_share:.1%} of the examples, see {SKIPPED}")


def without_shard(dataset: Dataset, run: Folder, error: "CorruptShardError") -> Dataset:
    """Leave out a shard that went bad, from the newest checkpoint on, and record it."""
    skipped = Skipped(error.file, max(committed_steps(run), default=0), str(error))
    fewer = dataset.without([error.file])
    write_skipped(run, (*read_skipped(run), skipped))
    warn_of([skipped], fewer)
    return fewer
