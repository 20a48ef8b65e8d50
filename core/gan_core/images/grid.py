"""Grids of images, as arrays and as PNG files."""

import io
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_SIDE = 1000
"""The most pixels that a side of a picture is enlarged to: it fills a good part of a screen, and not more."""


def tile(images: NDArray[np.uint8], columns: int | None = None, gap: int = 2, background: int = 255) -> NDArray[np.uint8]:
    """Lay images out row by row, left to right, as square as possible unless `columns` is given.

    Args:
        images: uint8 (n, height, width, channels), n at least 1.
        columns: images in a row.
        gap: pixels between images.
        background: value of the gaps and of unused places.

    Returns:
        uint8 (height, width, channels).
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    shape = (rows * (height + gap) + gap, columns * (width + gap) + gap, channels)
    canvas = np.full(shape, background, np.uint8)
    for number, image in enumerate(images):
        top, left = (gap + index * (side + gap) for index, side in zip(divmod(number, columns), (height, width), strict=True))
        canvas[top : top + height, left : left + width] = image
    return canvas


def enlargement(height: int, width: int) -> int:
    """The whole factor, at least 1, by which a picture of that size in pixels grows to at most 1,000 pixels a side."""
    return max(1, _SIDE // max(height, width))


def enlarged(image: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """An image (height, width, channels) that shows each pixel as a square of `times` x `times` pixels."""
    return image.repeat(times, axis=0).repeat(times, axis=1)


def png(image: NDArray[np.uint8], text: Mapping[str, str] | None = None) -> bytes:
    """A PNG file of a uint8 (height, width, 1 or 3) image; `text` goes into its text chunks."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, format="PNG", pnginfo=chunks)
    return buffer.getvalue()
