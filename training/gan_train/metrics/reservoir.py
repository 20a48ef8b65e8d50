"""A sample of the rows of a stream, for scores that compare each image with each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError


class Reservoir:
    """Stores the rows at given positions of a stream of batches.

    Args:
        wanted: of the rows in the stream, int64, ascending; see `sample_positions`.
    """

    def __init__(self, positions: NDArray[np.int64]) -> None:
        self._positions = positions
        self._rows: list[NDArray[Any]] = []
        self._count = 0

    def add(self, batch: NDArray[Any]) -> None:
        """Add the next rows (n, ...) of the stream; they are copied."""
        begin, end = np.searchsorted(self._positions, [self._count, self._count + len(batch)])
        self._rows.append(batch[self._positions[begin:end] - self._count])
        self._count += len(batch)

    def rows(self) -> NDArray[Any]:
        """The stored rows in the order of the stream, (n, ...). Raises UsageError if the stream ended before the last one."""
        if not len(self._positions) or self._count <= self._positions[-1]:
            raise UsageError(f"there were {self._count} images, fewer than announced; score as many as there are")
        return np.concatenate(self._rows)
