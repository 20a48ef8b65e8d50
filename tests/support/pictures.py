"""Reads the grids of images that commands write, as the pixels of their images."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def grid_pixels(file: Path, top: int = 0, left: int = 0) -> NDArray[np.uint8]:
    """The pixels of a grid before it was enlarged, without the words above (`top` pixels high) and to the left of it."""
    with Image.open(file) as picture:
        times = int(picture.text["scale"])  # type: ignore[attr-defined]
        shown = np.asarray(picture)[top:, left:]
    small = shown[::times, ::times]
    np.testing.assert_array_equal(small.repeat(times, axis=0).repeat(times, axis=1), shown)
    return small


HEADING = 24
"""Height of the strip with words above the columns, in pixels."""
