"""Generated images beside the real ones closest to them, in pixels and in features: has the generator memorised any?"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gan_core.images.labelled import grid_png
from gan_train.extractors.base import Extractor
from gan_train.extractors.resizing import resized
from gan_train.metrics.nearest import Nearest, streaming_nearest
from gan_train.metrics.permutation import chosen
from gan_train.metrics.reservoir import Keeping
from gan_train.scoring.images import reals
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.side import SEED, ImageStatistics

if TYPE_CHECKING:
    from gan_train.data.dataset import Dataset

SHOWN = 10
"""Generated images."""

_TRIPLES_IN_A_ROW = 2

Pixels = NDArray[np.uint8]


def neighbours_png(made: Pixels, side: ImageStatistics, dataset: "Dataset", extractor: Extractor, protocol: Protocol) -> bytes:
    """In threes: generated, the real image closest by pixels, the one closest by features; two threes in a row.

    By pixels all reals of the protocol are compared, by features those whose features are kept.

    Args:
        made: generated images, uint8 (n, height, width, channels).
        side: statistics of the reals.
        dataset: of the reals.
        extractor: of the features.
        protocol: says how many reals, and goes into the text of the picture.
    """
    seen = extractor.extract(resized(made, extractor.shape, protocol.resizer))
    by_features = chosen(protocol.reals, SEED)[Nearest.of(_points(seen.features), side.features, 0).positions]
    closest = streaming_nearest(made)
    for images in reals(dataset, protocol.reals):
        closest.add(images.pixels)
    by_pixels = closest.total().positions
    facts = {"columns": "generated, closest real by pixels, closest real by features", "protocol": str(protocol)}
    threes = np.stack([made, *(_at(dataset, protocol.reals, places) for places in (by_pixels, by_features))], axis=1)
    return grid_png(threes.reshape(-1, *made.shape[1:]), facts, 3 * _TRIPLES_IN_A_ROW)


def _at(dataset: "Dataset", count: int, places: NDArray[np.int64]) -> Pixels:
    """The reals at these places of their order."""
    wanted, back = np.unique(places, return_inverse=True)
    kept = Keeping(wanted)
    for images in reals(dataset, count):
        kept.add(images.pixels)
    return np.asarray(kept.rows()[back])


def _points(features: NDArray[np.float32]) -> NDArray[np.float64]:
    return features.astype(np.float64)
