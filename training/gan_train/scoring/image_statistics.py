"""Statistics of a set of images, from which all scores are computed, in one pass and bounded memory."""

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
from gan_train.metrics.permutation import sample_positions
from gan_train.metrics.reservoir import Reservoir
from gan_train.scoring.images import Images

SEED = 0
"""Seed of which images are stored, of pairs and of parts; a constant, so that scores compare."""

_PIXEL_BYTES = 1 << 26
"""Bytes of images that are stored for MS-SSIM."""


@dataclass(frozen=True, eq=False)
class ImageStatistics:
    """Statistics of a set of images.

    Attributes:
        count: number of images.
        moments: moments of all features.
        splits: sums of all class probabilities, for the Inception Score.
        features: features of a sample of the images, float32 (sample, size).
        labelled: number of images of each class by label, or by request, int64 (classes,).
        predicted: number of images of each class as the extractor predicts, int64 (classes,).
        agreeing: number of images whose predicted class is that of their label.
        similarity: mean MS-SSIM of pairs; NaN if the images are smaller than its window.
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
        """The arrays that `from_arrays` reads, for numpy.savez."""
        moments = {f"moments.{name}": array for name, array in self.moments.to_arrays().items()}
        splits = {f"splits.{name}": getattr(self.splits, name) for name in ("counts", "probabilities", "negentropy")}
        arrays_of_self = {name: np.asarray(getattr(self, name)) for name in _ARRAYS}
        return moments | splits | arrays_of_self

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The statistics whose arrays `to_arrays` returned. Raises KeyError if one is missing, DataError if one is damaged."""
        rows_now = {
            of: {name.removeprefix(f"{of}."): arrays[name] for name in arrays if name.startswith(f"{of}.")}
            for of in ("moments", "splits")
        }
        return cls(
            count=int(arrays["count"]),
            moments=Moments.from_arrays(rows_now["moments"]),
            splits=SplitSums(**rows_now["splits"]),
            features=arrays["features"],
            labelled=arrays["labelled"],
            predicted=arrays["predicted"],
            agreeing=int(arrays["agreeing"]),
            similarity=float(arrays["similarity"]),
        )


_ARRAYS = ("count", "features", "labelled", "predicted", "agreeing", "similarity")


def gather_statistics(
    images: Iterable[Images], count: int, shape: tuple[int, ...], extractor: Extractor, resizer: str, counting: ProgressCounter
) -> ImageStatistics:
    """Compute the statistics of images in one pass.

    Args:
        images: batches of any size, whose labels are classes of the extractor.
        count: number of images in all batches.
        shape: (height, width, channels) of an image.
        extractor: computes features and class probabilities.
        resizer: how images get the extractor's size; see `check_fits`.
        counting: shows the progress.

    Raises:
        UsageError: fewer images than scores need, or than `count`.
    """
    classes = len(extractor.class_names)
    moments, splits = streaming_moments(), streaming_splits(count, SEED)
    features = Reservoir(sample_positions(count, SEED))
    pixels = Reservoir(sample_positions(count, SEED, _pixels_kept(shape)))
    labelled, predicted, agreeing = np.zeros(classes, np.int64), np.zeros(classes, np.int64), 0
    for batch in images:
        pixels.add(batch.pixels)
        for start in range(0, len(batch), extractor.batch_size):
            rows_now = slice(start, start + extractor.batch_size)
            extracted = extractor.extract(resized(batch.pixels[rows_now], extractor.shape, resizer))
            moments.add(extracted.features)
            splits.add(extracted.probabilities)
            features.add(extracted.features)
            predicted_now = predicted_classes(extracted.probabilities)
            predicted += class_counts(predicted_now, classes)
            if batch.labels is not None:
                labelled += class_counts(batch.labels[rows_now], classes)
                agreeing += int((batch.labels[rows_now] == predicted_now).sum())
            counting.advance(len(extracted.features))
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


def _similarity(pixels: Reservoir) -> float:
    rows = pixels.rows()
    return mean_similarity(rows, SEED) if scales(*rows.shape[1:3]) else float("nan")
