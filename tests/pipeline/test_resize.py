"""Sizes: what each rule keeps of an image, and what each filter makes of it."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.options import Resampler, ResizeRule
from gan_pipeline.transforms.resize import center_window, resize

pytestmark = pytest.mark.quick

SIZES = [(1, 1), (1, 300), (300, 1), (7, 5), (64, 64), (63, 97), (250, 250), (480, 640)]


def noise(height: int, width: int) -> NDArray[np.uint8]:
    """uint8 (height, width, 3)."""
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def halves(height: int, width: int, vertical: bool) -> NDArray[np.uint8]:
    """Black before the middle and white after it, along one axis."""
    image = np.zeros((height, width, 3), np.uint8)
    if vertical:
        image[height // 2 :] = 255
    else:
        image[:, width // 2 :] = 255
    return image


@pytest.mark.parametrize("rule", ResizeRule)
@pytest.mark.parametrize("resampler", Resampler)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("wanted", [(1, 1), (64, 64), (80, 64), (3, 200)])
def test_any_size_becomes_the_wanted_one(
    size: tuple[int, int], wanted: tuple[int, int], rule: ResizeRule, resampler: Resampler
) -> None:
    image = resize(noise(*size), *wanted, rule, resampler)
    assert image.shape == (*wanted, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("rule", ResizeRule)
@pytest.mark.parametrize("resampler", Resampler)
def test_an_image_of_that_size_is_returned_unchanged(rule: ResizeRule, resampler: Resampler) -> None:
    image = noise(64, 80)
    assert resize(image, 64, 80, rule, resampler) is image


@pytest.mark.parametrize("resampler", Resampler)
@pytest.mark.parametrize("rule", ResizeRule)
def test_one_aspect_ratio_makes_all_rules_equal(rule: ResizeRule, resampler: Resampler) -> None:
    image = noise(90, 120)
    expected = Image.fromarray(image).resize((40, 30), Image.Resampling[resampler.upper()])
    np.testing.assert_array_equal(resize(image, 30, 40, rule, resampler), np.asarray(expected))


@pytest.mark.parametrize("resampler", Resampler)
def test_stretch_is_pillow_s_resize(resampler: Resampler) -> None:
    image = noise(90, 120)
    expected = Image.fromarray(image).resize((64, 32), Image.Resampling[resampler.upper()])
    np.testing.assert_array_equal(resize(image, 32, 64, ResizeRule.STRETCH, resampler), np.asarray(expected))


@pytest.mark.parametrize("resampler", Resampler)
@pytest.mark.parametrize("vertical", [False, True])
def test_crop_keeps_the_centre(resampler: Resampler, vertical: bool) -> None:
    image = halves(*((200, 60) if vertical else (60, 200)), vertical)
    cropped = resize(image, 30, 30, ResizeRule.CROP, resampler)
    grey = cropped[..., 0] if not vertical else cropped[..., 0].T
    assert (grey[:, :14] < 10).all()
    assert (grey[:, 16:] > 245).all()


def test_crop_cuts_what_is_too_long() -> None:
    image = noise(40, 100)
    np.testing.assert_array_equal(resize(image, 40, 60, ResizeRule.CROP, Resampler.BICUBIC), image[:, 20:80])
    np.testing.assert_array_equal(resize(image, 20, 100, ResizeRule.CROP, Resampler.BICUBIC), image[10:30])
    # An odd rest is half a pixel on each side: box weighs the neighbours.
    expected = (image[:, 19:79].astype(int) + image[:, 20:80]) / 2
    halved = resize(image[:, :99], 40, 60, ResizeRule.CROP, Resampler.BILINEAR)
    assert np.abs(halved - expected).max() <= 1


@pytest.mark.parametrize("resampler", Resampler)
def test_fit_keeps_everything_between_black_bars(resampler: Resampler) -> None:
    white = np.full((50, 100, 3), 255, np.uint8)
    wide = resize(white, 64, 64, ResizeRule.FIT, resampler)
    assert (wide[16:48] == 255).all()
    assert not wide[:16].any()
    assert not wide[48:].any()
    high = resize(white.transpose(1, 0, 2), 64, 64, ResizeRule.FIT, resampler)
    np.testing.assert_array_equal(high, wide.transpose(1, 0, 2))


def test_a_line_does_not_vanish_when_it_is_fitted() -> None:
    assert resize(np.full((1, 5000, 3), 255, np.uint8), 64, 64, ResizeRule.FIT, Resampler.BOX).any()


@pytest.mark.parametrize("resampler", [resampler for resampler in Resampler if resampler is not Resampler.NEAREST])
def test_shrinking_averages(resampler: Resampler) -> None:
    board = np.indices((256, 256)).sum(0) % 2 * np.full((3, 1, 1), 255)
    small = resize(board.transpose(1, 2, 0).astype(np.uint8), 32, 32, ResizeRule.STRETCH, resampler)
    assert np.abs(small[2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_nearest_picks() -> None:
    image = noise(90, 120)
    np.testing.assert_array_equal(resize(image, 30, 40, ResizeRule.STRETCH, Resampler.NEAREST), image[1::3, 1::3])


def test_the_window_of_celeba() -> None:
    image = noise(218, 178)
    np.testing.assert_array_equal(center_window(Image.fromarray(image), 50, 25, 128), image[50:178, 25:153])


def test_a_window_that_just_fits() -> None:
    assert center_window(Image.fromarray(noise(178, 153)), 50, 25, 128).size == (128, 128)


@pytest.mark.parametrize("size", [(177, 153), (178, 152), (1, 1)])
def test_too_small_for_the_window(size: tuple[int, int]) -> None:
    with pytest.raises(UnusableInputError) as caught:
        center_window(Image.fromarray(noise(*size)), 50, 25, 128)
    assert (caught.value.stage, caught.value.reason) == ("crop", "too small")
    assert str(caught.value) == f"too small ({size[1]}x{size[0]} pixels, the window needs 153x178)"
