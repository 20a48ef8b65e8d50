"""The closest image of another set, for each of a few: in pixels, or in features.

closest = streaming_nearest(features_of_fakes)      # from each generated image to the real ones: has it been memorised?
for batch in features_of_reals:
    closest.add(batch)
closest.total().positions                           # in the stream of reals

The other way, from reals to generated images, it tells what of the data a generator can make, and nothing about memorising.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_train.metrics.points import Points, as_points, squared_distances
from gan_train.metrics.streaming import Streaming


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest so far to each of n images; of two parts of a stream, the nearer of both, at equal distance the earlier.

    Attributes:
        positions: int64 (n,), in the stream.
        squared: float64 (n,), squared Euclidean distances.
    """

    positions: NDArray[np.int64]
    squared: NDArray[np.float64]

    @classmethod
    def of(cls, images: Points, block: NDArray[Any], first: int) -> Self:
        """The nearest of a block of images or features of d numbers, whose first is at position `first`, to points (n, d)."""
        distances = squared_distances(images, as_points(block))
        nearest = distances.argmin(axis=1)
        return cls(nearest + first, distances[np.arange(len(images)), nearest])

    def __add__(self, other: Self) -> Self:
        """The nearest in both parts together."""
        earlier = (other.squared == self.squared) & (other.positions < self.positions)
        better = (other.squared < self.squared) | earlier
        return type(self)(np.where(better, other.positions, self.positions), np.where(better, other.squared, self.squared))

    @property
    def distances(self) -> NDArray[np.float64]:
        """Euclidean, float64 (n,), in units of pixels or features."""
        return np.sqrt(self.squared)


def streaming_nearest(images: ArrayLike) -> Streaming[Nearest]:
    """For each of these images or features (n, ...), the nearest in a stream of others."""
    points = as_points(images)
    return Streaming(lambda block, first: Nearest.of(points, block, first))
