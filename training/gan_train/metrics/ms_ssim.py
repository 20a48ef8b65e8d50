"""MS-SSIM, the structural similarity of two images (Wang et al. 2003), as a measure of diversity (Odena et al. 2017).

Each of five scales has half the size of the one before. Images of less than 176 x 176 pixels have as many scales as an
11-pixel window fits into, two for 28 x 28, with weights rescaled to a sum of 1. So only values of one image size compare: those
of a generator with those of its reals.
"""

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_train.metrics.permutation import permutation
from gan_train.metrics.points import Points

PAIRS = 1000
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
_LUMINANCE, _CONTRAST = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_PAIRS_AT_ONCE = 32


def mean_similarity(images: NDArray[np.uint8], seed: int, pairs: int = PAIRS) -> float:
    """The mean MS-SSIM of random pairs of images: 1 if all are equal, and lower the more varied they are.

    No image is in two pairs, so n images form at most n / 2 pairs.

    Args:
        images: uint8 (n, height, width, channels).
        seed: chooses the pairs.
        pairs: largest number of pairs.

    Raises:
        UsageError: fewer than two images, or images smaller than the window.
    """
    if len(images) < 2:
        raise UsageError(f"MS-SSIM compares two images or more, not {len(images)}; make more")
    count = min(pairs, len(images) // 2)
    first, second = permutation(len(images), seed)[: 2 * count].reshape(2, count)
    starts = range(0, count, _PAIRS_AT_ONCE)
    parts = [slice(start, start + _PAIRS_AT_ONCE) for start in starts]
    return float(np.concatenate([ms_ssim(images[first[part]], images[second[part]]) for part in parts]).mean())


def scales(height: int, width: int) -> int:
    """The number of scales of images of this size, 0 to 5."""
    side, fitting = min(height, width), 0
    while side >= _WINDOW and fitting < len(_WEIGHTS):
        side, fitting = (side + 1) // 2, fitting + 1
    return fitting


def ms_ssim(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The MS-SSIM of each pair, float64 (n,), from 0 to 1 for equal images; for colour images the mean over the channels.

    Args:
        first: uint8 (n, height, width, channels).
        second: uint8, of the same shape.

    Raises:
        UsageError: images smaller than the window.
    """
    height, width = first.shape[1:3]
    count = scales(height, width)
    if count == 0:
        raise UsageError(f"MS-SSIM needs images of {_WINDOW} x {_WINDOW} pixels or more, not {height} x {width}; leave it out")
    x, y = (np.moveaxis(images, 3, 1).astype(np.float64) for images in (first, second))
    weights = np.array(_WEIGHTS[:count]) / sum(_WEIGHTS[:count])
    likeness = np.ones(x.shape[:2])
    for scale, weight in enumerate(weights):
        luminance, structure = _ssim_parts(x, y)
        last = scale == count - 1
        of_scale = (luminance * structure if last else structure).mean(axis=(2, 3))
        likeness *= np.maximum(of_scale, 0) ** weight
        if not last:
            x, y = _half(x), _half(y)
    return likeness.mean(axis=1)


def _ssim_parts(x: Points, y: Points) -> tuple[Points, Points]:
    """Luminance and contrast-structure terms of SSIM at each position of the window (Wang et al. 2004)."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    luminance = (2 * product + _LUMINANCE) / (squares + _LUMINANCE)
    covariance, variances = _blurred(x * y) - product, _blurred(x**2 + y**2) - squares
    return luminance, (2 * covariance + _CONTRAST) / (variances + _CONTRAST)


def _blurred(images: Points) -> Points:
    """Gaussian means over all windows inside of the images: (..., height - 10, width - 10)."""
    blurred: Points = _bands(images.shape[-2]) @ images @ _bands(images.shape[-1]).T
    return blurred


def _bands(side: int) -> Points:
    """The Gaussian window at each of its positions along a side: float64 (side - 10, side)."""
    window = np.exp(-((np.arange(_WINDOW) - _WINDOW // 2) ** 2) / (2 * _SIGMA**2))
    places = side - _WINDOW + 1
    bands = np.zeros((places, side))
    for place in range(places):
        bands[place, place : place + _WINDOW] = window / window.sum()
    return bands


def _half(images: Points) -> Points:
    """Images of half the size, by the means of 2 x 2 pixels; the last pixel of an odd side is repeated."""
    odd = [(0, side % 2) for side in images.shape[-2:]]
    even = np.pad(images, [(0, 0), (0, 0), *odd], mode="edge")
    count, channels, height, width = even.shape
    return even.reshape(count, channels, height // 2, 2, width // 2, 2).mean(axis=(3, 5))
