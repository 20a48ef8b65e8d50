"""Statistics of a stream of batches, in memory that does not grow with it.

moments = streaming_moments()
for batch in batches:
    moments.add(features(batch))
fid = frechet_distance(of_reals, moments.total())
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError

BLOCK = 256
"""Rows that are reduced at once. Another number changes the last bits of the statistics."""


class Mergeable(Protocol):
    """Statistics of two parts of a stream that add up to those of both."""

    def __add__(self, other: Self, /) -> Self: ...


S = TypeVar("S", bound=Mergeable)


class Streaming(Generic[S]):
    """Accumulates statistics over blocks of a fixed size, so that the sizes of the batches do not change a single bit.

    Args:
        of: computes the statistics of a block of at most `BLOCK` rows, given the position of its first row in the stream.
    """

    def __init__(self, of: Callable[[NDArray[Any], int], S]) -> None:
        self._of = of
        self._total: S | None = None
        self._waiting: list[NDArray[Any]] = []
        self._first = 0

    def add(self, batch: NDArray[Any]) -> None:
        """Add the next rows (n, ...) of the stream; they are copied."""
        self._waiting.append(np.array(batch))
        if sum(map(len, self._waiting)) < BLOCK:
            return
        rows = np.concatenate(self._waiting)
        whole = len(rows) - len(rows) % BLOCK
        for start in range(0, whole, BLOCK):
            self._total = self._with(rows[start : start + BLOCK])
            self._first += BLOCK
        self._waiting = [rows[whole:].copy()]

    def total(self) -> S:
        """The statistics of all rows so far. Raises UsageError if there are none."""
        rest = np.concatenate(self._waiting) if self._waiting else np.empty(0)
        total = self._with(rest) if len(rest) else self._total
        if total is None:
            raise UsageError("there are no images to score; give a split that has some")
        return total

    def _with(self, block: NDArray[Any]) -> S:
        of_block = self._of(block, self._first)
        return of_block if self._total is None else self._total + of_block
