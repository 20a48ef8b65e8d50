"""The nearest neighbours of a few images in a large set, by pixels or by features.

closest = streaming_nearest(features_of_fakes)      # from each generated image to the reals
for batch in features_of_reals:
    closest.add(batch)
closest.total().positions                           # in the stream of reals

From generated images to reals, the distances show whether a generator memorised reals. In the other direction they show
how much of the data a generator covers, and nothing about memorisation.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_train.metrics.points import Points, as_points, squared_distances
from gan_train.metrics.streaming import Streaming


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest neighbour of each of n images so far; of two at equal distance it is the earlier in the stream.

    Attributes:
        positions: int64 (n,), in the stream.
        squared: float64 (n,), squared Euclidean distances.
    """

    positions: NDArray[np.int64]
    squared: NDArray[np.float64]

    @classmethod
    def of(cls, images: Points, block: NDArray[Any], first: int) -> Self:
        """The nearest neighbours of points (n, d) in a block (m, d) of the stream, whose first row has the position `first`."""
        distances = squared_distances(images, as_points(block))
        nearest = distances.argmin(axis=1)
        return cls(nearest + first, distances[np.arange(len(images)), nearest])

    def __add__(self, other: Self) -> Self:
        """The nearest neighbours in both parts of the stream."""
        earlier = (other.squared == self.squared) & (other.positions < self.positions)
        better = (other.squared < self.squared) | earlier
        return type(self)(np.where(better, other.positions, self.positions), np.where(better, other.squared, self.squared))

    @property
    def distances(self) -> NDArray[np.float64]:
        """Euclidean distances, float64 (n,), in units of pixels or features."""
        return np.sqrt(self.squared)


def streaming_nearest(images: ArrayLike) -> Streaming[Nearest]:
    """An accumulator that finds the nearest neighbour of each of `images` (n, ...) in a stream of other images or features."""
    points = as_points(images)
    return Streaming(lambda block, first: Nearest.of(points, block, first))
