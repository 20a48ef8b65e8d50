"""Bring an image to a size, by Pillow's filters."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.options import Resampler, ResizeRule


def resize(image: NDArray[np.uint8], height: int, width: int, rule: ResizeRule, resampler: Resampler) -> NDArray[np.uint8]:
    """Resize an image; one that has the size already is returned as it is.

    Args:
        image: uint8 (any height, any width, 3).
        height: of the result, in pixels.
        width: of the result, in pixels.
        rule: how a different aspect ratio is treated.
        resampler: the filter.

    Returns:
        uint8 (height, width, 3).
    """
    had_height, had_width = image.shape[:2]
    if (had_height, had_width) == (height, width):
        return image
    if rule is ResizeRule.FIT:
        scale = min(height / had_height, width / had_width)
        inner_height = min(height, max(1, round(had_height * scale)))
        inner_width = min(width, max(1, round(had_width * scale)))
        top, left = (height - inner_height) // 2, (width - inner_width) // 2
        framed = np.zeros((height, width, 3), np.uint8)
        whole = (0.0, 0.0, had_width, had_height)
        framed[top : top + inner_height, left : left + inner_width] = _scale(image, inner_height, inner_width, whole, resampler)
        return framed
    box_height, box_width = float(had_height), float(had_width)
    if rule is ResizeRule.CROP:
        box_height = min(box_height, had_width * height / width)
        box_width = min(box_width, had_height * width / height)
    top_edge, left_edge = (had_height - box_height) / 2, (had_width - box_width) / 2
    box = (left_edge, top_edge, left_edge + box_width, top_edge + box_height)
    return _scale(image, height, width, box, resampler)


def center_window(image: NDArray[np.uint8], top: int, left: int, size: int) -> NDArray[np.uint8]:
    """Cut the square window at a fixed place, as for the faces in the centre of CelebA's images.

    Args:
        image: uint8 (any height, any width, 3).
        top: first row of the window, at least 0.
        left: first column of the window, at least 0.
        size: side of the window in pixels.

    Returns:
        uint8 (size, size, 3), a view of the image.

    Raises:
        UnusableInputError: stage "crop", reason "too small": the window is not wholly inside the image.
    """
    height, width = image.shape[:2]
    if height < top + size or width < left + size:
        needed = f"{left + size}x{top + size}"
        raise UnusableInputError("crop", "too small", f"{width}x{height} pixels, the window needs {needed}")
    return image[top : top + size, left : left + size]


def _scale(
    image: NDArray[np.uint8], height: int, width: int, box: tuple[float, float, float, float], resampler: Resampler
) -> NDArray[np.uint8]:
    scaled = Pillow.fromarray(image).resize((width, height), Pillow.Resampling[resampler.name], box)
    return np.asarray(scaled)
