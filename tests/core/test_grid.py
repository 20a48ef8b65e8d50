"""Image grids: where each image lies, and what the PNG carries."""

import io

import numpy as np
import pytest
from PIL import Image

from gan_core.images.grid import enlarged, enlargement, png, tile
from gan_core.images.labelled import framed_png, grid_png, labelled_png

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


@pytest.mark.parametrize(
    ("size", "times"), [((152, 152), 6), ((302, 302), 3), ((600, 152), 1), ((30, 500), 2), ((3000, 40), 1)]
)
def test_a_picture_grows_by_whole_numbers_to_at_most_1000_pixels(size: tuple[int, int], times: int) -> None:
    assert enlargement(*size) == times


def test_each_pixel_becomes_a_square() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert enlarged(pixels, 2)[..., 0].tolist() == [
        [0, 0, 1, 1, 2, 2],
        [0, 0, 1, 1, 2, 2],
        [3, 3, 4, 4, 5, 5],
        [3, 3, 4, 4, 5, 5],
    ]


def test_words_stand_above_columns_and_beside_rows() -> None:
    """The grid itself lies to the lower right, and there is ink in the place of each word."""
    images, words = np.full((6, 28, 28, 1), 255, np.uint8), ["zero", "one", "a very long name of a class"]
    with Image.open(io.BytesIO(grid_png(images, {"step": "3"}, 3, words, ["1.0", "-1.0"]))) as image:
        pixels, text = np.asarray(image), image.text
    assert text == {"step": "3", "scale": "10"}
    grid = tile(255 - images, 3)[..., 0].repeat(10, axis=0).repeat(10, axis=1)
    height, width = grid.shape
    np.testing.assert_array_equal(pixels[-height:, -width:], grid)
    top, left = pixels.shape[0] - height, pixels.shape[1] - width
    for column in range(3):
        assert pixels[:top, left + column * width // 3 : left + (column + 1) * width // 3].min() < 100
    for row in range(2):
        assert pixels[top + row * height // 2 : top + (row + 1) * height // 2, :left].min() < 100
    assert pixels[:top, :left].min() == 255


def test_a_word_that_is_too_long_is_cut_inside_its_column() -> None:
    pixels = tile(np.full((40, 4, 4, 1), 255, np.uint8), 40)
    with Image.open(io.BytesIO(framed_png(pixels, {}, ["W" * 40] * 40))) as image:
        strip = np.asarray(image)[:24]
    width = strip.shape[1] / 40
    assert all(strip[:, round(number * width)].min() == 255 for number in range(40))


def test_numbered_images_are_enlarged_with_letters_of_one_size() -> None:
    images = np.full((25, 28, 28, 1), 255, np.uint8)
    with Image.open(io.BytesIO(labelled_png([(str(number), one) for number, one in enumerate(images)], 5, {}))) as image:
        assert 500 <= image.width <= image.height <= 1000
