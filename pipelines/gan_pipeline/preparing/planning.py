"""Opens the source and decides which input goes to which shard, before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gan_core.errors import DataError, UsageError
from gan_core.notices import say
from gan_core.progress import show_progress
from gan_pipeline.dataset.failures import Failure
from gan_pipeline.dataset.features import example_bytes
from gan_pipeline.dataset.options import AUTO_DEPTH, Options
from gan_pipeline.dataset.sharding import HELD_OUT, TRAIN, ShardTask, first_of_each, hold_out, plan_shards, shuffled
from gan_pipeline.dataset.suspicions import warnings_of
from gan_pipeline.dataset.understood import Understood
from gan_pipeline.preparing.dedupe import without_duplicates
from gan_pipeline.sources.base import Source
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.resolve import SourceSpec, resolve_source


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before the first byte is written.

    Attributes:
        options: the checked options of the user.
        spec: the source by name, for workers.
        source: the source, open in this process.
        tasks: the shards.
        inputs: number of inputs in the splits asked for.
        chosen: number of inputs that the class filter leaves.
        understood: how the source was read, with what is seldom meant.
        duplicates: those left out since they are the same as an earlier one.
    """

    options: Options
    spec: SourceSpec
    source: Source
    tasks: tuple[ShardTask, ...]
    inputs: int
    chosen: int
    understood: Understood
    duplicates: tuple[Failure, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits to write: those asked for, then the held-out one if there is one."""
        return tuple(dict.fromkeys(task.split for task in self.tasks))

    @property
    def examples(self) -> int:
        """Number of examples, if no input turns out unusable."""
        return sum(len(task.ids) for task in self.tasks)


def make_plan(options: Options, out: str = "") -> Plan:
    """Open the source, apply the filters and assign ids to shards. Nothing is written; `out` is where the dataset will be.

    Raises:
        DataError: the source is broken, or no example is left.
        UsageError: more is to be held out than the train split can spare, or as the source says.
        StorageError: as the source says.
    """
    spec = resolve_source(options, out)
    source = spec.open()
    if options.bit_depth == AUTO_DEPTH:
        spec = _scaled_by_range(spec, source)
        source = spec.open()
    understood = source.understand()
    understood = understood.model_copy(update={"warnings": warnings_of(understood)})
    chosen: _Ids = {}
    inputs = 0
    for split in options.splits:
        count = source.count(split)
        ids = np.arange(count)
        labels = source.labels(split)
        if options.classes is not None and labels is not None:
            ids = np.flatnonzero(labels >= 0)
        if not ids.size:
            raise DataError(f"{options.source}: split {split} has no example of the classes asked for")
        chosen[split] = ids.tolist()
        inputs += count
    count_chosen = sum(map(len, chosen.values()))
    duplicates: list[Failure] = []
    if options.dedupe:
        chosen, duplicates = without_duplicates(source, chosen, options.dedupe)
    size = example_bytes(source.features)
    left, held_out = _set_aside(chosen, options)
    limited = left
    if options.limit_per_class is not None:
        limited = {split: _limited_per_class(ids, split, source, options) for split, ids in left.items()}
    tasks = plan_shards(limited, size, options.shards, options.limit, options.seed, source.may_drop)
    if options.limit_per_class is not None and source.may_drop:
        tasks = [_with_reserve(task, left[task.split], tasks, options.seed) for task in tasks]
    tasks += plan_shards(held_out, size, options.shards, None, options.seed, source.may_drop)
    return Plan(options, spec, source, tuple(tasks), inputs, count_chosen, understood, tuple(duplicates))


def _scaled_by_range(spec: SourceSpec, source: Source) -> SourceSpec:
    """The source with the range of samples written into its options; unchanged if no file has more than 8 bits."""
    assert isinstance(source, FileSource)
    splits = spec.options.splits
    say("--bit-depth auto: every image is decoded once before anything is written")
    with show_progress(sum(len(source.files(split)) for split in splits), "images") as progress:
        found = [limits for split in splits if (limits := source.colour_range(split, progress.advance))]
    if not found:
        return spec
    low, high = min(low for low, _ in found), max(high for _, high in found)
    # Images of one single value have no range: they are black.
    return replace(spec, options=spec.options.changed(bit_depth=f"{low}-{max(high, low + 1)}"))


_Ids = dict[str, list[int]]


def _set_aside(chosen: _Ids, options: Options) -> tuple[_Ids, _Ids]:
    """The ids of the splits asked for without those held out, and the held-out split, if there is to be one."""
    if options.hold_out is None:
        return chosen, {}
    there = len(chosen[TRAIN])
    if options.hold_out >= there:
        of_classes = "" if options.classes is None else " of the classes asked for"
        raise UsageError(
            f"--hold-out {options.hold_out}: split {TRAIN} has {there:,} examples{of_classes} "
            "and at least one must be left to train on; hold out fewer"
        )
    train, held_out = hold_out(chosen[TRAIN], options.hold_out, options.seed)
    return chosen | {TRAIN: train}, {HELD_OUT: held_out}


def _with_reserve(task: ShardTask, there: Sequence[int], tasks: Sequence[ShardTask], seed: int) -> ShardTask:
    """The last shard of a split with all inputs of the split that are in no shard, in plan order; other shards unchanged."""
    if task.index < task.count - 1:
        return task
    planned = {number for one in tasks if one.split == task.split for number in one.ids}
    return replace(task, reserve=tuple(number for number in shuffled(there, task.split, seed) if number not in planned))


def _limited_per_class(ids: list[int], split: str, source: Source, options: Options) -> list[int]:
    """Take of each class the ids that come first in plan order. Raises UsageError if there are no classes."""
    labels = source.labels(split)
    if labels is None:
        raise UsageError(f"--limit-per-class: the images of {options.source} have no classes")
    assert options.limit_per_class is not None
    return first_of_each(ids, labels.tolist(), options.limit_per_class, split, options.seed)
