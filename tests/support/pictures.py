"""Reads the grids of images that commands write, as the pixels of their images."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def enlargement_of(file: Path) -> int:
    """How many pixels wide a grid shows each pixel."""
    with Image.open(file) as picture:
        return int(picture.text["scale"])  # type: ignore[attr-defined]


def grid_pixels(file: Path, height: int | None = None, width: int | None = None) -> NDArray[np.uint8]:
    """The pixels of a grid before it was enlarged, without the words above and to the left of it.

    Args:
        file: a PNG file.
        height, width: of the grid before it was enlarged; all of the picture if there are no words.
    """
    times, shown = enlargement_of(file), np.asarray(Image.open(file))
    if height is not None and width is not None:
        assert 0 <= shown.shape[0] - height * times <= 24 and 0 <= shown.shape[1] - width * times <= 56
        shown = shown[-height * times :, -width * times :]
    small = shown[::times, ::times]
    np.testing.assert_array_equal(small.repeat(times, axis=0).repeat(times, axis=1), shown)
    return small
