"""Side-by-side images: which half goes where, and that no half sees the other."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.options import Resampler, ResizeRule
from gan_pipeline.transforms.resize import resize
from gan_pipeline.transforms.split_pair import split_pair

pytestmark = pytest.mark.quick


def noise(height: int, width: int) -> NDArray[np.uint8]:
    """uint8 (height, width, 3)."""
    return np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)


def split(image: NDArray[np.uint8], size: int, swap: bool, resampler: Resampler) -> list[NDArray[np.uint8]]:
    """The two halves as arrays."""
    return [np.asarray(half) for half in split_pair(Image.fromarray(image), size, size, swap, resampler)]


@pytest.mark.parametrize("resampler", Resampler)
def test_left_is_source_unless_swapped(resampler: Resampler) -> None:
    image = np.concatenate([np.full((60, 60, 3), 200, np.uint8), np.full((60, 60, 3), 50, np.uint8)], 1)
    for swap in (False, True):
        source, target = split(image, 32, swap, resampler)
        assert source.shape == target.shape == (32, 32, 3)
        # To the last column: with no filter does a half see the other.
        assert (source == (50 if swap else 200)).all()
        assert (target == (200 if swap else 50)).all()


@pytest.mark.parametrize("shape", [(600, 1200), (256, 512), (49, 156), (20, 160), (30, 30)])
@pytest.mark.parametrize("size", [129, 38, 256])
def test_nearest_equals_the_published_loader(shape: tuple[int, int], size: int) -> None:
    """The loader resizes the whole by Keras, which is Pillow's nearest, and splits at the middle column."""
    image = noise(*shape)
    whole = np.asarray(Image.fromarray(image).resize((2 * size, size), Image.Resampling.NEAREST))
    source, target = split(image, size, False, Resampler.NEAREST)
    np.testing.assert_array_equal(source, whole[:, :size])
    np.testing.assert_array_equal(target, whole[:, size:])


@pytest.mark.parametrize("resampler", [resampler for resampler in Resampler if resampler is not Resampler.NEAREST])
def test_other_filters_take_each_half_on_its_own(resampler: Resampler) -> None:
    image = noise(50, 140)
    halves = [resize(half, 32, 32, ResizeRule.STRETCH, resampler) for half in (image[:, :70], image[:, 70:])]
    np.testing.assert_array_equal(split(image, 32, False, resampler), halves)


@pytest.mark.parametrize("resampler", Resampler)
def test_a_pair_of_that_size_is_only_cut(resampler: Resampler) -> None:
    image = noise(64, 128)
    np.testing.assert_array_equal(split(image, 64, False, resampler), [image[:, :64], image[:, 64:]])


@pytest.mark.parametrize(
    ("shape", "reason"),
    [((60, 121), "odd width"), ((60, 58), "not side by side"), ((60, 59), "not side by side"), ((1, 1), "odd width")],
)
def test_not_a_pair(shape: tuple[int, int], reason: str) -> None:
    with pytest.raises(UnusableInputError) as caught:
        split(noise(*shape), 32, False, Resampler.BICUBIC)
    assert (caught.value.stage, caught.value.reason) == ("pair", reason)
    assert str(caught.value) == f"{reason} ({shape[1]}x{shape[0]} pixels)"
