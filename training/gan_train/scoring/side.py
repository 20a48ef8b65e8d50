"""One side of a comparison, reals or fakes: all that scores need of it, from one pass, in memory that does not grow with it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gan_core.progress import ProgressCounter
from gan_train.extractors.base import Extractor
from gan_train.extractors.resizing import resized
from gan_train.metrics.classes import class_counts, predicted_classes
from gan_train.metrics.inception_score import SplitSums, streaming_splits
from gan_train.metrics.moments import Moments, streaming_moments
from gan_train.metrics.ms_ssim import PAIRS, mean_similarity, scales
from gan_train.metrics.permutation import chosen
from gan_train.metrics.reservoir import Keeping
from gan_train.scoring.images import Images

SEED = 0
"""The seed that decides which images are kept, paired and put into parts; a constant, so that scores compare."""

_PIXEL_BYTES = 1 << 26
"""The most bytes of images kept for MS-SSIM."""


@dataclass(frozen=True, eq=False)
class ImageStatistics:
    """Statistics of some images.

    Attributes:
        count: of them.
        moments: of all features.
        splits: of all class probabilities, for the Inception Score.
        features: of the images that are kept, float32 (kept, size).
        labelled: how many are of each class by their labels, or were asked to be, int64 (classes,).
        predicted: how many are of each class in the extractor's eyes, int64 (classes,).
        agreeing: how many it takes for the class of their label.
        similarity: mean MS-SSIM of pairs; NaN where images are smaller than its window.
    """

    count: int
    moments: Moments
    splits: SplitSums
    features: NDArray[np.float32]
    labelled: NDArray[np.int64]
    predicted: NDArray[np.int64]
    agreeing: int
    similarity: float

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """To be stored, as by numpy.savez."""
        moments = {f"moments.{name}": array for name, array in self.moments.to_arrays().items()}
        splits = {f"splits.{name}": getattr(self.splits, name) for name in ("counts", "probabilities", "negentropy")}
        own = {name: np.asarray(getattr(self, name)) for name in _OWN}
        return moments | splits | own

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read the arrays of `to_arrays`. Raises KeyError where something is missing, DataError where it is damaged."""
        part = {
            of: {name.removeprefix(f"{of}."): arrays[name] for name in arrays if name.startswith(f"{of}.")}
            for of in ("moments", "splits")
        }
        return cls(
            count=int(arrays["count"]),
            moments=Moments.from_arrays(part["moments"]),
            splits=SplitSums(**part["splits"]),
            features=arrays["features"],
            labelled=arrays["labelled"],
            predicted=arrays["predicted"],
            agreeing=int(arrays["agreeing"]),
            similarity=float(arrays["similarity"]),
        )


_OWN = ("count", "features", "labelled", "predicted", "agreeing", "similarity")


def gathered(
    images: Iterable[Images], count: int, shape: tuple[int, ...], extractor: Extractor, resizer: str, counting: ProgressCounter
) -> ImageStatistics:
    """Look at images once.

    Args:
        images: in batches of any size, their labels by the extractor's classes.
        count: of all of them.
        shape: of each.
        extractor: that looks.
        resizer: brings them to its size; see `check_fits`.
        counting: is told of each image.

    Raises:
        UsageError: fewer images than scores need, or than `count`.
    """
    classes = len(extractor.class_names)
    moments, splits = streaming_moments(), streaming_splits(count, SEED)
    features = Keeping(chosen(count, SEED))
    pixels = Keeping(chosen(count, SEED, _pixels_kept(shape)))
    labelled, predicted, agreeing = np.zeros(classes, np.int64), np.zeros(classes, np.int64), 0
    for batch in images:
        pixels.add(batch.pixels)
        for start in range(0, len(batch), extractor.batch_size):
            part = slice(start, start + extractor.batch_size)
            seen = extractor.extract(resized(batch.pixels[part], extractor.shape, resizer))
            moments.add(seen.features)
            splits.add(seen.probabilities)
            features.add(seen.features)
            taken_for = predicted_classes(seen.probabilities)
            predicted += class_counts(taken_for, classes)
            if batch.labels is not None:
                labelled += class_counts(batch.labels[part], classes)
                agreeing += int((batch.labels[part] == taken_for).sum())
            counting.advance(len(seen.features))
    return ImageStatistics(
        count=count,
        moments=moments.total(),
        splits=splits.total(),
        features=features.rows(),
        labelled=labelled,
        predicted=predicted,
        agreeing=agreeing,
        similarity=_similarity(pixels),
    )


def _pixels_kept(shape: tuple[int, ...]) -> int:
    return min(2 * PAIRS, max(2, _PIXEL_BYTES // math.prod(shape)))


def _similarity(pixels: Keeping) -> float:
    kept = pixels.rows()
    return mean_similarity(kept, SEED) if scales(*kept.shape[1:3]) else float("nan")
