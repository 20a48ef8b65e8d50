"""Count, mean and covariance of features, from which FID is computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.errors import DataError, UsageError
from gan_train.metrics.points import Points, as_points
from gan_train.metrics.streaming import Streaming


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second moments of n points of d numbers; the moments of two sets add up to those of their union.

    The sums are of deviations from the mean and are merged as by Chan, Golub and LeVeque (1979), so that features far from
    zero lose no precision.

    Attributes:
        count: n.
        mean: float64 (d,).
        scatter: float64 (d, d): the sum of outer products of deviations from the mean.
    """

    count: int
    mean: NDArray[np.float64]
    scatter: Points

    @classmethod
    def of(cls, features: ArrayLike) -> Self:
        """The moments of features (n, d), n at least 1. Raises DataError if a feature is not finite."""
        points = as_points(features)
        mean = points.mean(axis=0)
        deviations = points - mean
        return cls(len(points), mean, deviations.T @ deviations)

    def __add__(self, other: Self) -> Self:
        """The moments of both sets together."""
        count = self.count + other.count
        apart = other.mean - self.mean
        between = np.outer(apart, apart) * (self.count * other.count / count)
        return type(self)(count, self.mean + apart * (other.count / count), self.scatter + other.scatter + between)

    @property
    def covariance(self) -> Points:
        """The unbiased covariance, scatter / (n - 1), float64 (d, d). Raises UsageError for a single image."""
        if self.count < 2:
            raise UsageError("a covariance needs two images or more; score more of them")
        return self.scatter / (self.count - 1)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that `from_arrays` reads, for numpy.savez."""
        return {"count": np.array(self.count, np.int64), "mean": self.mean, "scatter": self.scatter}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The moments whose arrays `to_arrays` returned. Raises DataError if they are damaged."""
        try:
            moments = cls(int(arrays["count"]), np.asarray(arrays["mean"]), np.asarray(arrays["scatter"]))
        except (KeyError, ValueError, TypeError) as error:
            raise _damaged() from error
        size = moments.mean.size
        whole = moments.mean.shape == (size,) and moments.scatter.shape == (size, size) and moments.count > 0
        if not whole or moments.mean.dtype != np.float64 or moments.scatter.dtype != np.float64:
            raise _damaged()
        return moments


def streaming_moments() -> Streaming[Moments]:
    """An accumulator for batches of features (n, d)."""
    return Streaming(lambda features, _: Moments.of(features))


def _damaged() -> DataError:
    return DataError("stored moments of features are damaged; remove the file, they are computed again")
