"""Images to an extractor's size: the nearest pixel, and Pillow's filters on float32."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gan_core.errors import UsageError
from gan_train.extractors.resizing import check_fits, resized

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 28, 32, 3), np.uint8)


def test_nearest_takes_the_pixel_that_tensorflow_and_skimage_take() -> None:
    """TensorFlow's resize with the centres of pixels, which is scikit-image's order 0."""
    ours = resized(PICTURES, (299, 299, 3), "nearest")
    theirs = tf.compat.v1.image.resize_nearest_neighbor(PICTURES, (299, 299), half_pixel_centers=True).numpy()
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("resizer", ["bilinear", "bicubic"])
@pytest.mark.parametrize("side", [16, 75])
def test_filters_look_at_all_that_they_shrink_and_never_round(resizer: str, side: int) -> None:
    """As TensorFlow's, which sees the same pixels when it is told to antialias; both clipped."""
    ours = resized(PICTURES, (side, side, 3), resizer)
    theirs = tf.image.resize(PICTURES, (side, side), resizer, antialias=True)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, np.clip(theirs, 0, 255), atol=0.05)


@given(side=st.integers(1, 90), resizer=st.sampled_from(["nearest", "bilinear", "bicubic"]), grey=st.integers(0, 255))
def test_a_plain_image_stays_plain_and_grey_ones_get_three_channels(side: int, resizer: str, grey: int) -> None:
    plain = np.full((1, 28, 28, 1), grey, np.uint8)
    np.testing.assert_allclose(resized(plain, (side, side, 3), resizer), np.full((1, side, side, 3), grey), atol=1e-3)


def test_an_image_of_the_size_is_not_touched_and_the_protocol_says_so() -> None:
    assert check_fits("bicubic", (28, 32, 3), (28, 32, 3), "it") == "none"
    np.testing.assert_array_equal(resized(PICTURES, (28, 32, 3), "none"), PICTURES)


def test_colours_for_a_grey_extractor_and_unknown_resizers_are_refused() -> None:
    with pytest.raises(UsageError, match="images are 32x32x3, digits-classifier takes 28x28x1; choose another --extractor"):
        check_fits("bicubic", (32, 32, 3), (28, 28, 1), "digits-classifier")
    with pytest.raises(UsageError, match="--resizer 'lanczos' is unknown; choose one of: nearest, bilinear, bicubic"):
        check_fits("lanczos", (32, 32, 3), (299, 299, 3), "inception-v3")
