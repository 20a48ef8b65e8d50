"""A picture of generated images beside their nearest reals, by pixels and by features, which shows memorisation."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gan_core.images.labelled import grid_png
from gan_train.extractors.base import Extractor
from gan_train.extractors.resizing import resized
from gan_train.metrics.nearest import Nearest, streaming_nearest
from gan_train.metrics.permutation import sample_positions
from gan_train.metrics.reservoir import Reservoir
from gan_train.scoring.image_statistics import SEED, ImageStatistics
from gan_train.scoring.images import reals
from gan_train.scoring.protocol import Protocol

if TYPE_CHECKING:
    from gan_train.data.dataset import Dataset

SHOWN = 10
"""Generated images in the picture."""

_TRIPLES_IN_A_ROW = 2

Pixels = NDArray[np.uint8]


def neighbours_png(
    generated: Pixels, statistics: ImageStatistics, dataset: "Dataset", extractor: Extractor, protocol: Protocol
) -> bytes:
    """A PNG with a generated image, its nearest real by pixels and its nearest real by features, two such triples in a row.

    All reals of the protocol are compared by pixels, and the stored sample of them by features.

    Args:
        generated: uint8 (n, height, width, channels).
        statistics: statistics of the reals.
        dataset: dataset of the reals.
        extractor: extractor of the features.
        protocol: has the number of reals, and goes into the text chunks of the picture.
    """
    extracted = extractor.extract(resized(generated, extractor.shape, protocol.resizer))
    nearest = Nearest.of(extracted.features.astype(np.float64), statistics.features, 0)
    by_features = sample_positions(protocol.reals, SEED)[nearest.positions]
    closest = streaming_nearest(generated)
    for images in reals(dataset, protocol.reals):
        closest.add(images.pixels)
    by_pixels = closest.total().positions
    facts = {"columns": "generated, closest real by pixels, closest real by features", "protocol": str(protocol)}
    threes = np.stack([generated, *(_reals_at(dataset, protocol.reals, order) for order in (by_pixels, by_features))], axis=1)
    return grid_png(threes.reshape(-1, *generated.shape[1:]), facts, 3 * _TRIPLES_IN_A_ROW)


def _reals_at(dataset: "Dataset", count: int, order: NDArray[np.int64]) -> Pixels:
    """The reals at these positions of the order in which they are scored, uint8 (n, height, width, channels)."""
    positions, back = np.unique(order, return_inverse=True)
    reservoir = Reservoir(positions)
    for images in reals(dataset, count):
        reservoir.add(images.pixels)
    return np.asarray(reservoir.rows()[back])
