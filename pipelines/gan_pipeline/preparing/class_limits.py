"""Replaces inputs that turned out unusable where the number of examples of each class is limited."""

from collections import Counter
from collections.abc import Iterable, Sequence

from gan_pipeline.preparing.commit import Finished
from gan_pipeline.sources.files import FileSource


def replacements(
    source: FileSource, finished: Iterable[Finished], reserve: Sequence[int], limit_per_class: int, limit: int | None
) -> list[int]:
    """Choose inputs in place of those that were dropped, of the classes that have too few.

    They are read to know whether they can be used. One that cannot is in the answer too, before another in its place, so
    that it is counted and listed as dropped.

    Args:
        source: where the images are.
        finished: all shards of one split, whose inputs have classes.
        reserve: positions of the inputs to choose from, in plan order.
        limit_per_class: how many examples each class may have.
        limit: how many examples the split may have, or None.

    Returns:
        Positions in the source, in the order in which they are to be written.

    Raises:
        StorageError: the source cannot be read.
    """
    written = list(finished)
    split = written[0].task.source_split
    labels = source.labels(split)
    assert labels is not None
    kept = _kept(source, written, labels.tolist())
    rest, chosen = list(reserve), list[int]()
    while candidates := _lacking(rest, labels.tolist(), kept, limit_per_class, limit):
        for number, read in zip(candidates, source.read(split, candidates), strict=True):
            kept[int(labels[number])] += read.example is not None
        chosen += candidates
        taken = set(candidates)
        rest = [number for number in rest if number not in taken]
    return chosen


def _kept(source: FileSource, written: Iterable[Finished], labels: Sequence[int]) -> Counter[int]:
    """The number of examples of each class in some shards."""
    kept = Counter[int]()
    for one in written:
        dropped = {failure.id for failure in one.record.failures}
        for number in one.task.ids[: one.record.read]:
            kept[labels[number]] += source.name(one.task.source_split, number) not in dropped
    return kept


def _lacking(
    rest: Iterable[int], labels: Sequence[int], kept: Counter[int], limit_per_class: int, limit: int | None
) -> list[int]:
    """The first inputs of each class that still has room, as if all of them could be used."""
    counts, found = kept.copy(), list[int]()
    for number in rest:
        if counts[labels[number]] < limit_per_class and (limit is None or counts.total() < limit):
            counts[labels[number]] += 1
            found.append(number)
    return found
