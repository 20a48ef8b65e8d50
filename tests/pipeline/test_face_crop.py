"""From a box to a window and its pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gan_pipeline.dataset.options import BoxRule, Resampler
from gan_pipeline.transforms.face_crop import Window, crop_face, crop_window

pytestmark = pytest.mark.quick

SIDES = st.integers(1, 400)
BOXES = st.tuples(st.integers(-300, 700), st.integers(-300, 700), st.integers(0, 500), st.integers(0, 500))
MARGINS = st.floats(0, 3)

Box = tuple[int, int, int, int]


def touches(box: Box, height: int, width: int) -> bool:
    x, y, box_width, box_height = box
    return box_width > 0 and box_height > 0 and x < width and y < height and x + box_width > 0 and y + box_height > 0


@st.composite
def touching_boxes(draw: st.DrawFn) -> tuple[Box, int, int]:
    """A box with at least one pixel in an image, and the image's height and width."""
    height, width = draw(SIDES), draw(SIDES)
    box_width, box_height = draw(st.integers(1, 500)), draw(st.integers(1, 500))
    x, y = draw(st.integers(1 - box_width, width - 1)), draw(st.integers(1 - box_height, height - 1))
    return (x, y, box_width, box_height), height, width


@given(box=BOXES, margin=MARGINS, height=SIDES, width=SIDES, rule=st.sampled_from(BoxRule))
def test_a_window_has_pixels_and_lies_inside(box: Box, margin: float, height: int, width: int, rule: BoxRule) -> None:
    window = crop_window(box, rule, margin, height, width)
    assert (window is not None) == touches(box, height, width)
    if window is not None:
        left, top, right, bottom = window
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


@given(touching=touching_boxes(), margin=MARGINS)
def test_exact_is_what_the_box_and_the_image_share(touching: tuple[Box, int, int], margin: float) -> None:
    (x, y, box_width, box_height), height, width = touching
    expected = max(0, x), max(0, y), min(width, x + box_width), min(height, y + box_height)
    assert crop_window((x, y, box_width, box_height), BoxRule.EXACT, margin, height, width) == expected


@given(touching=touching_boxes(), margin=MARGINS)
def test_square_is_square_and_as_large_as_the_image_allows(touching: tuple[Box, int, int], margin: float) -> None:
    box, height, width = touching
    window = crop_window(box, BoxRule.SQUARE, margin, height, width)
    assert window is not None
    left, top, right, bottom = window
    wanted = max(box[2:]) * (1 + 2 * margin)
    assert right - left == bottom - top
    assert min(height, width, wanted) <= right - left < wanted + 1


@given(x=st.integers(0, 200), y=st.integers(0, 200), size=st.tuples(st.integers(1, 100), st.integers(1, 100)), margin=MARGINS)
def test_square_keeps_the_centre_where_there_is_room(x: int, y: int, size: tuple[int, int], margin: float) -> None:
    far = 400  # pixels around everything
    box = (x + far, y + far, *size)
    window = crop_window(box, BoxRule.SQUARE, margin, 300 + 2 * far, 300 + 2 * far)
    assert window is not None
    left, top, right, bottom = window
    assert abs((left + right) - (2 * box[0] + box[2])) <= 1
    assert abs((top + bottom) - (2 * box[1] + box[3])) <= 1


@given(
    sides=st.tuples(st.integers(1, 100), st.integers(1, 100)),
    x=st.integers(0, 100),
    y=st.integers(0, 100),
    room=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_square_without_margin_holds_the_box(sides: tuple[int, int], x: int, y: int, room: tuple[int, int]) -> None:
    box_width, box_height = sides
    width, height = (max(start + length, *sides) + more for start, length, more in zip((x, y), sides, room, strict=True))
    window = crop_window((x, y, *sides), BoxRule.SQUARE, 0, height, width)
    assert window is not None
    left, top, right, bottom = window
    assert left <= x and top <= y and x + box_width <= right and y + box_height <= bottom


@pytest.mark.parametrize(
    ("box", "rule", "margin", "expected"),
    [
        ((10, 20, 30, 40), BoxRule.EXACT, 0.5, (10, 20, 40, 60)),
        ((-5, -6, 30, 40), BoxRule.EXACT, 0, (0, 0, 25, 34)),
        ((80, 90, 30, 40), BoxRule.EXACT, 0, (80, 90, 100, 120)),
        ((30, 40, 20, 40), BoxRule.SQUARE, 0, (20, 40, 60, 80)),
        ((30, 40, 20, 40), BoxRule.SQUARE, 0.25, (10, 30, 70, 90)),
        ((0, 0, 20, 40), BoxRule.SQUARE, 0, (0, 0, 40, 40)),
        ((90, 100, 10, 20), BoxRule.SQUARE, 0.5, (60, 80, 100, 120)),
        ((30, 40, 20, 40), BoxRule.SQUARE, 2, (0, 10, 100, 110)),
        ((100, 0, 10, 10), BoxRule.EXACT, 0, None),
        ((-10, 0, 10, 10), BoxRule.SQUARE, 1, None),
        ((10, 10, 0, 5), BoxRule.SQUARE, 1, None),
    ],
)
def test_windows_in_an_image_100_wide_and_120_high(box: Box, rule: BoxRule, margin: float, expected: Window | None) -> None:
    assert crop_window(box, rule, margin, 120, 100) == expected


def photograph(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("window", [(0, 0, 100, 120), (10, 20, 40, 60), (99, 119, 100, 120), (5, 0, 6, 120)])
@pytest.mark.parametrize("size", [1, 32, 80])
def test_a_crop_is_pillow_s(window: Window, size: int) -> None:
    image = photograph(120, 100)
    cropped = np.asarray(crop_face(Image.fromarray(image), window, size, Resampler.BICUBIC))
    expected = Image.fromarray(image).crop(window).resize((size, size), Image.Resampling.BICUBIC)
    assert cropped.dtype == np.uint8
    np.testing.assert_array_equal(cropped, np.asarray(expected))


def test_pixels_outside_the_window_do_not_count() -> None:
    image = photograph(120, 100)
    other = np.zeros_like(image)
    other[20:60, 10:40] = image[20:60, 10:40]
    window = (10, 20, 40, 60)
    one, two = (crop_face(Image.fromarray(one), window, 64, Resampler.BICUBIC) for one in (image, other))
    np.testing.assert_array_equal(one, two)
