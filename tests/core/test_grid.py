"""Image grids: where each image lies, and what the PNG carries."""

import io

import numpy as np
import pytest
from PIL import Image

from gan_core.images.grid import png, tile

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("count", "columns", "gap", "shape"),
    [(1, None, 2, (8, 10)), (4, None, 2, (14, 18)), (5, None, 2, (14, 26)), (6, 3, 1, (11, 22)), (3, 1, 0, (12, 6))],
)
def test_the_canvas_is_rows_times_columns_with_gaps(count: int, columns: int | None, gap: int, shape: tuple[int, int]) -> None:
    assert tile(np.zeros((count, 4, 6, 3), np.uint8), columns, gap).shape == (*shape, 3)


def test_images_lie_row_by_row_on_the_background() -> None:
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None, None] * np.ones((5, 2, 3, 1), np.uint8)
    canvas = tile(images, columns=3, gap=1, background=99)[..., 0]
    assert canvas.tolist() == [
        [99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99],
        [99, 1, 1, 1, 99, 2, 2, 2, 99, 3, 3, 3, 99],
        [99, 1, 1, 1, 99, 2, 2, 2, 99, 3, 3, 3, 99],
        [99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99],
        [99, 4, 4, 4, 99, 5, 5, 5, 99, 99, 99, 99, 99],
        [99, 4, 4, 4, 99, 5, 5, 5, 99, 99, 99, 99, 99],
        [99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99],
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_keeps_pixels_and_text(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    with Image.open(io.BytesIO(png(pixels, {"step": "450", "digest": "a1"}))) as image:
        np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)
        assert image.text == {"step": "450", "digest": "a1"}
    assert png(pixels) == png(pixels)
