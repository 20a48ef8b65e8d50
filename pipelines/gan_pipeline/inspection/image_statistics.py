"""Brightness, contrast and mean images. The values of an image do not depend on the other images of its batch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Light:
    """Brightness and contrast of n images: float64 (n,) each, in levels of 0 to 255.

    Attributes:
        brightness: mean over all pixels and channels.
        contrast: standard deviation over all pixels, the root of the mean variance of the channels; 0 for a single colour.
    """

    brightness: Numbers
    contrast: Numbers


def light(images: NDArray[np.uint8]) -> Light:
    """Brightness and contrast of uint8 (n, height, width, channels)."""
    count, _, _, channels = images.shape
    pixels = images.reshape(count, -1, channels).astype(np.float64)
    # Sums of integers below 2**53 are exact in float64, in any order.
    means = pixels.sum(axis=1) / pixels.shape[1]
    squares = np.einsum("npc,npc->nc", pixels, pixels) / pixels.shape[1]
    variances = np.maximum(squares - np.square(means), 0)
    return Light(means.mean(axis=1), np.sqrt(variances.mean(axis=1)))


class MeanImages:
    """The mean image of each group, computed from batches in any order. Sums are integers, so the order makes no difference."""

    def __init__(self, groups: int, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._sums = np.zeros((groups, int(np.prod(shape))), np.int64)
        self._counts = np.zeros(groups, np.int64)

    def add(self, images: NDArray[np.uint8], groups: NDArray[np.signedinteger]) -> None:
        """Add images, uint8 (n, height, width, channels), to the groups that `groups` (n,) numbers."""
        pixels = images.reshape(len(images), -1)
        for group in np.unique(groups):
            members = pixels[groups == group]
            self._sums[group] += members.sum(axis=0, dtype=np.int64)
            self._counts[group] += len(members)

    def images(self) -> list[NDArray[np.uint8] | None]:
        """For each group the mean of every pixel, rounded to uint8, or None if it has no images."""
        return [
            np.rint(total / count).astype(np.uint8).reshape(self._shape) if count else None
            for total, count in zip(self._sums, self._counts, strict=True)
        ]


@dataclass(frozen=True)
class Distribution:
    """A histogram with the mean, extremes and quantiles of its values.

    Attributes:
        edges: of the bins, one more than there are bins.
        counts: in each bin; the last one holds its upper edge too.
        quantiles: at QUANTILES.
        mean, least, most: of all values.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    quantiles: tuple[float, ...]
    mean: float
    least: float
    most: float


def distribution(values: Numbers, low: float, high: float, bins: int = 32) -> Distribution:
    """The distribution of at least one value, in equal bins from `low` to `high`, which hold all of them."""
    counts, edges = np.histogram(values, bins, (low, high))
    quantiles = np.quantile(values, QUANTILES)
    return Distribution(
        tuple(edges.tolist()),
        tuple(counts.tolist()),
        tuple(quantiles.tolist()),
        float(values.mean()),
        float(values.min()),
        float(values.max()),
    )
