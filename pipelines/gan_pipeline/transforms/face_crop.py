"""From a detected box to a face: which window of the photograph, and its pixels. Pure functions."""

import math

from PIL import Image as Pillow

from gan_pipeline.dataset.options import BoxRule, Resampler, ResizeRule
from gan_pipeline.transforms.resize import resize_image

Window = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom are outside."""


def crop_window(box: tuple[int, int, int, int], rule: BoxRule, margin: float, height: int, width: int) -> Window | None:
    """The window of a face.

    Args:
        box: x, y, width, height in pixels; it may reach over the edges.
        rule: exact or square.
        margin: added on each side of a square, as a share of the box's larger side; at least 0.
        height: of the image, in pixels.
        width: of the image, in pixels.

    Returns:
        A window inside the image with at least one pixel; None if the box lies outside the image or has no size.
    """
    x, y, box_width, box_height = box
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + box_width), min(height, y + box_height)
    if left >= right or top >= bottom:
        return None
    if rule is BoxRule.EXACT:
        return left, top, right, bottom
    side = min(height, width, math.ceil(max(box_width, box_height) * (1 + 2 * margin)))
    left, top = (
        _placed(first, length, side, whole) for first, length, whole in ((x, box_width, width), (y, box_height, height))
    )
    return left, top, left + side, top + side


def _placed(first: int, length: int, side: int, whole: int) -> int:
    """Start of a stretch of `side` around the middle of another one, moved to lie within `whole`."""
    centred = (2 * first + length - side) // 2
    return min(max(0, centred), whole - side)


def crop_face(image: Pillow.Image, window: Window, size: int, resampler: Resampler) -> Pillow.Image:
    """The pixels of a window, stretched to a square.

    Args:
        image: the photograph.
        window: lies inside the photograph.
        size: side of the result, in pixels.
        resampler: the filter.

    Returns:
        An image of size x size pixels and of the photograph's mode.
    """
    return resize_image(image.crop(window), size, size, ResizeRule.STRETCH, resampler)
