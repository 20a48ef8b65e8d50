"""What every source offers, and the source that holds its images in one array."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.errors import DataError, UsageError
from gan_pipeline.records import RawExample


class Source(Protocol):
    """Raw data with addressable examples.

    A source is opened once in the planning process and once in every worker; the same ids give the same examples.
    """

    fingerprint: str
    """sha256 of the content that was opened."""

    def labels(self, split: str) -> NDArray[np.int64]:
        """Class number of every example of a split, by id."""

    def read(self, split: str, ids: Sequence[int]) -> Iterator[RawExample]:
        """The examples of those ids, in that order."""


@dataclass(frozen=True)
class ArraySplit:
    """images: uint8 (n, height, width, channels), usually memory mapped; labels: int64 (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


class ArraySource:
    """Splits that lie in arrays. Memory mapped arrays keep a worker's memory flat whatever their size."""

    def __init__(self, splits: Mapping[str, ArraySplit], fingerprint: str) -> None:
        self._splits = dict(splits)
        self.fingerprint = fingerprint

    def labels(self, split: str) -> NDArray[np.int64]:
        return self._split(split).labels

    def read(self, split: str, ids: Sequence[int]) -> Iterator[RawExample]:
        arrays = self._split(split)
        # Seen as a plain array, a memory map is indexed three times as fast.
        images = arrays.images.view(np.ndarray)
        labels = arrays.labels.tolist()
        for number in ids:
            yield RawExample(f"{split}-{number:06d}", images[number], labels[number])

    def _split(self, split: str) -> ArraySplit:
        if split not in self._splits:
            raise UsageError(f"no split {split!r} in this source; it has: {', '.join(self._splits)}")
        return self._splits[split]


def check_labels(labels: NDArray[np.int64], classes: int, where: str) -> None:
    """Raise DataError at the first label outside 0..classes-1."""
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        first = int(wrong[0])
        raise DataError(
            f"{where}: label {labels[first]} at position {first} is outside 0..{classes - 1}; "
            "is this file of the dataset you named?"
        )
