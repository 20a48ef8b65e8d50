"""Mean and standard deviation of a score that was computed on several parts of the images."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Mean and population standard deviation (ddof 0)."""

    mean: float
    std: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The spread of one or more values."""
        measured = np.fromiter(values, np.float64)
        return cls(float(measured.mean()), float(measured.std()))
