"""Features or images that are kept whole, for scores that compare each with each: as many as were chosen, no more."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError


class Keeping:
    """Keeps rows of a stream of batches.

    Args:
        wanted: their positions in the stream, int64, ascending (permutation.chosen).
    """

    def __init__(self, wanted: NDArray[np.int64]) -> None:
        self._wanted = wanted
        self._kept: list[NDArray[Any]] = []
        self._seen = 0

    def add(self, batch: NDArray[Any]) -> None:
        """Take the next rows, (n, ...); they may be changed afterwards."""
        begin, end = np.searchsorted(self._wanted, [self._seen, self._seen + len(batch)])
        self._kept.append(batch[self._wanted[begin:end] - self._seen])
        self._seen += len(batch)

    def rows(self) -> NDArray[Any]:
        """Those kept, in the stream's order, (n, ...). Raises UsageError if the stream ended before the last of them."""
        if not len(self._wanted) or self._seen <= self._wanted[-1]:
            raise UsageError(f"there were {self._seen} images, fewer than announced; score as many as there are")
        return np.concatenate(self._kept)
