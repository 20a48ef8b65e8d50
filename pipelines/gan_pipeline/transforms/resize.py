"""Bring an image to a size, by Pillow's filters."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.options import Resampler, ResizeRule

Box = tuple[float, float, float, float]
"""left, top, right, bottom in pixels."""

_SUPPORT = {
    Resampler.NEAREST: 0.0,
    Resampler.BOX: 0.5,
    Resampler.BILINEAR: 1.0,
    Resampler.BICUBIC: 2.0,
    Resampler.LANCZOS: 3.0,
}
"""How far a filter of Pillow reaches on each side of a new pixel, in new pixels when it shrinks."""

_MAX_SCALING_BYTES = 1 << 30
"""Bytes that the filter's weights and the image between its two passes may take."""


def resize_image(image: Pillow.Image, height: int, width: int, rule: ResizeRule, resampler: Resampler) -> Pillow.Image:
    """Resize an image; one that has the size already is returned as it is.

    Args:
        image: mode RGB or L, of any size.
        height: of the result, in pixels.
        width: of the result, in pixels.
        rule: how a different aspect ratio is treated.
        resampler: the filter.

    Returns:
        An image of the same mode.

    Raises:
        UnusableInputError: stage "resize", reason "too long and narrow": scaling would take more than 1 GB.
    """
    had_width, had_height = image.size
    if (had_height, had_width) == (height, width):
        return image
    if rule is ResizeRule.FIT:
        scale = min(height / had_height, width / had_width)
        inner_height = min(height, max(1, round(had_height * scale)))
        inner_width = min(width, max(1, round(had_width * scale)))
        framed = Pillow.new(image.mode, (width, height))
        inner = _scale(image, inner_height, inner_width, (0.0, 0.0, had_width, had_height), resampler)
        framed.paste(inner, ((width - inner_width) // 2, (height - inner_height) // 2))
        return framed
    box_height, box_width = float(had_height), float(had_width)
    if rule is ResizeRule.CROP:
        box_height = min(box_height, had_width * height / width)
        box_width = min(box_width, had_height * width / height)
    top_edge, left_edge = (had_height - box_height) / 2, (had_width - box_width) / 2
    return _scale(image, height, width, (left_edge, top_edge, left_edge + box_width, top_edge + box_height), resampler)


def resize(image: NDArray[np.uint8], height: int, width: int, rule: ResizeRule, resampler: Resampler) -> NDArray[np.uint8]:
    """`resize_image` for an array: uint8 (any height, any width, 3) in, uint8 (height, width, 3) out."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(resize_image(Pillow.fromarray(image), height, width, rule, resampler))


def center_window(image: Pillow.Image, top: int, left: int, size: int) -> Pillow.Image:
    """Cut the square window at a fixed place, as for the faces in the centre of CelebA's images.

    Args:
        image: of any size.
        top: first row of the window, at least 0.
        left: first column of the window, at least 0.
        size: side of the window in pixels.

    Returns:
        An image of size x size pixels.

    Raises:
        UnusableInputError: stage "crop", reason "too small": the window is not wholly inside the image.
    """
    width, height = image.size
    if height < top + size or width < left + size:
        needed = f"{left + size}x{top + size}"
        raise UnusableInputError("crop", "too small", f"{width}x{height} pixels, the window needs {needed}")
    return image.crop((left, top, left + size, top + size))


def _scale(image: Pillow.Image, height: int, width: int, box: Box, resampler: Resampler) -> Pillow.Image:
    if _scaling_bytes(height, width, box, resampler) > _MAX_SCALING_BYTES:
        detail = f"{image.width}x{image.height} pixels cannot be scaled to {width}x{height} with {resampler}"
        raise UnusableInputError("resize", "too long and narrow", detail)
    return image.resize((width, height), Pillow.Resampling[resampler.name], box)


def _scaling_bytes(height: int, width: int, box: Box, resampler: Resampler) -> int:
    """Memory that Pillow takes: a float64 weight for every old pixel under the filter, and the rows between its passes."""
    if resampler is Resampler.NEAREST:
        return 0
    left, top, right, bottom = box
    weights = 0
    for new, old in ((width, right - left), (height, bottom - top)):
        weights += 8 * new * (2 * math.ceil(_SUPPORT[resampler] * max(1.0, old / new)) + 1)
    return weights + 4 * width * math.ceil(bottom - top)
