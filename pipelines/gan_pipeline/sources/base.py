"""The interface of every source, and the source that holds its images in one array."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, UnusableInputError, UsageError
from gan_pipeline.dataset.features import Features, LabelFeature
from gan_pipeline.dataset.records import Example
from gan_pipeline.dataset.understood import FoundSplit, Headers, Understood

_T = TypeVar("_T")


@dataclass(frozen=True)
class Read:
    """The outcome of reading one input.

    Attributes:
        id: its name in the source.
        example: what it gave, or None if it was unusable.
        failure: why it was unusable, or None.
        face: what the face detector saw, a line of faces.jsonl, or None where no detector ran.
        used_bits: of an image with more than 8 bits a sample, of which the high 8 were kept, the bits that its greatest
            sample needs; 0 for all others.
        checksum: of the content that was read, as the source's `checksums` has it; None where nothing was read or the
            source has none.
    """

    id: str
    example: Example | None = None
    failure: UnusableInputError | None = None
    face: Mapping[str, Any] | None = field(default=None, compare=False)
    used_bits: int = 0
    checksum: str | None = field(default=None, compare=False)


class Source(Protocol):
    """Raw data with addressable inputs, numbered from 0 in each split.

    A source is opened once in the planning process and once in every worker; the same ids give the same examples.
    """

    features: Features
    """The features of every example."""

    may_drop: bool
    """Whether an input may turn out unusable only when it is read."""

    notes: tuple[str, ...]
    """Remarks for the user about this content that are no errors."""

    @property
    def fingerprint(self) -> str:
        """sha256 of the content. May read all of it."""

    @property
    def signature(self) -> str:
        """A cheap digest that changes when the content does; only comparable between processes of one run."""

    def understand(self) -> Understood:
        """The facts about the source, without the warnings. May read the headers of some images."""

    def count(self, split: str) -> int:
        """Number of inputs of a split. Raises UsageError if there is no such split."""

    def labels(self, split: str) -> NDArray[np.int64] | None:
        """Class number of every input of a split, -1 where its class was not asked for; None where there are no classes."""

    def read(self, split: str, ids: Sequence[int]) -> Iterator[Read]:
        """Read the inputs of those ids, in that order."""


@dataclass(frozen=True)
class ArraySplit:
    """images: uint8 (n, height, width, channels), usually memory mapped; labels: int64 (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Arrays:
    """Splits that lie in arrays, the sha256 of their content, and sentences for the user.

    `other_splits` names those that were found and not asked for.
    """

    splits: Mapping[str, ArraySplit]
    fingerprint: str
    notes: tuple[str, ...] = ()
    other_splits: tuple[str, ...] = ()


class ArraySource:
    """A source over arrays. Memory mapped ones keep a worker's memory flat whatever their size.

    Args:
        arrays: images and class numbers.
        features: what the records hold, with the names of the classes that were asked for.
        classes: the numbers these classes have in the arrays, or None for all of them as they are.
        other_splits: names of splits that the source has too and that were not asked for.
    """

    may_drop = False

    def __init__(
        self, arrays: Arrays, features: Features, classes: Sequence[int] | None = None, other_splits: Sequence[str] = ()
    ) -> None:
        self._splits = {
            split: content if classes is None else ArraySplit(content.images, renumbered(content.labels, classes))
            for split, content in arrays.splits.items()
        }
        self.fingerprint = self.signature = arrays.fingerprint
        self.features, self._other_splits = features, other_splits
        self.notes = arrays.notes

    def understand(self) -> Understood:
        splits = {
            split: FoundSplit(inputs=len(content.labels), written=True, classes=self._class_counts(content.labels))
            for split, content in self._splits.items()
        }
        splits |= {split: FoundSplit(inputs=None) for split in self._other_splits}
        sizes, modes = Counter[str](), Counter[str]()
        for content in self._splits.values():
            count, height, width, channels = content.images.shape
            sizes[f"{width}x{height}"] += count
            modes["L" if channels == 1 else "RGB"] += count
        headers = Headers(read=sizes.total(), of=sizes.total(), sizes=dict(sizes), modes=dict(modes))
        return Understood(splits=splits, labels="the dataset", headers=headers)

    def _class_counts(self, labels: NDArray[np.int64]) -> dict[str, int]:
        label = self.features["label"]
        assert isinstance(label, LabelFeature)
        counts = np.bincount(labels[labels >= 0], minlength=len(label.class_names)).tolist()
        return dict(zip(label.class_names, counts, strict=True))

    def count(self, split: str) -> int:
        return len(split_of(self._splits, split).labels)

    def labels(self, split: str) -> NDArray[np.int64]:
        return split_of(self._splits, split).labels

    def read(self, split: str, ids: Sequence[int]) -> Iterator[Read]:
        arrays = split_of(self._splits, split)
        # Seen as a plain array, a memory map is indexed three times as fast.
        images = arrays.images.view(np.ndarray)
        labels = arrays.labels.tolist()
        for number in ids:
            name = f"{split}-{number:06d}"
            yield Read(name, Example(name, {"image": images[number], "label": labels[number]}))


def split_of(splits: Mapping[str, _T], split: str) -> _T:
    """The entry of a split. Raises UsageError that lists the splits there are."""
    if split not in splits:
        raise UsageError(f"no split {split!r} in this source; it has: {', '.join(splits)}; name one of them with --split")
    return splits[split]


def renumbered(labels: NDArray[np.int64], classes: Sequence[int]) -> NDArray[np.int64]:
    """Labels by their place among the classes asked for; -1 for the others."""
    places = np.full(max(int(labels.max(initial=0)), *classes) + 1, -1, np.int64)
    places[list(classes)] = np.arange(len(classes))
    return places[labels]


def check_labels(labels: NDArray[np.int64], classes: int, where: str) -> None:
    """Raise DataError at the first label outside 0..classes-1."""
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        first = int(wrong[0])
        raise DataError(
            f"{where}: label {labels[first]} at position {first} is outside 0..{classes - 1}; "
            "is this file of the dataset you named?"
        )
