"""Jitter and mirroring: pixels come from where the numbers say, alike for images that get the same numbers."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_train.numerics.randomness import Draw
from gan_train.objectives.jitter import flipped, jittered, shifted
from gan_train.systems.translation import training_images
from tests.support.catalogue import small

STEP = tf.constant(3, tf.int64)


def images(count: int, side: int = 8) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).random((count, side, side, 3), np.float32))


@settings(max_examples=20, deadline=None)
@given(pixels=st.integers(1, 5), down=st.floats(0, 0.984375, width=32), right=st.floats(0, 0.984375, width=32))
def test_a_crop_of_the_enlarged_image_begins_at_its_corner(pixels: int, down: float, right: float) -> None:
    batch = images(1)
    enlarged = tf.image.resize(batch, (8 + pixels, 8 + pixels)).numpy()
    top, left = (int(np.float32(share) * np.float32(pixels + 1)) for share in (down, right))
    cropped = jittered(batch, pixels, tf.constant([[down, right]]))
    np.testing.assert_array_equal(cropped.numpy(), enlarged[:, top : top + 8, left : left + 8])


def test_every_corner_is_reached_and_none_beyond() -> None:
    corners = tf.constant([[0.0, 0.0], [0.9999, 0.9999]])
    batch = tf.tile(images(1), (2, 1, 1, 1))
    enlarged = tf.image.resize(batch[:1], (10, 10)).numpy()[0]
    cropped = jittered(batch, 2, corners).numpy()
    np.testing.assert_array_equal(cropped[0], enlarged[:8, :8])
    np.testing.assert_array_equal(cropped[1], enlarged[2:, 2:])


def test_mirrors_where_the_number_is_small() -> None:
    batch = images(2)
    turned = flipped(batch, tf.constant([[0.49], [0.5]])).numpy()
    np.testing.assert_array_equal(turned[0], batch.numpy()[0, :, ::-1])
    np.testing.assert_array_equal(turned[1], batch.numpy()[1])


@settings(max_examples=20, deadline=None)
@given(pixels=st.integers(0, 4), down=st.floats(0, 0.984375, width=32), right=st.floats(0, 0.984375, width=32))
def test_a_shifted_image_moves_by_whole_pixels_into_black(pixels: int, down: float, right: float) -> None:
    stored = np.random.default_rng(0).integers(1, 256, (1, 6, 7, 2), np.uint8)
    top, left = (pixels - int(np.float32(share) * np.float32(2 * pixels + 1)) for share in (down, right))
    expected = np.zeros_like(stored)
    for row in range(6):
        for column in range(7):
            if 0 <= row - top < 6 and 0 <= column - left < 7:
                expected[0, row, column] = stored[0, row - top, column - left]
    moved = shifted(tf.constant(stored), pixels, tf.constant([[down, right]]))
    assert moved.dtype == tf.uint8
    np.testing.assert_array_equal(moved.numpy(), expected)
    assert max(abs(top), abs(left)) <= pixels


def test_both_images_of_a_pair_move_alike_and_pairs_do_not() -> None:
    recipe = small("maps-pix2pix", "jitter=4", "flip=true")
    batch = tf.constant(np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8))
    same = tf.tile(batch, (16, 1, 1, 1))
    source, target = training_images([same, same], recipe, Draw(0, STEP, 0, 0, 1))
    np.testing.assert_array_equal(source.numpy(), target.numpy())
    assert len({image.tobytes() for image in source.numpy()}) > 8


def test_without_jitter_images_are_only_scaled() -> None:
    recipe = small("maps-pix2pix")
    batch = tf.constant([[[[0, 51, 255]]]], tf.uint8)
    (seen,) = training_images([batch], recipe, Draw(0, STEP, 0, 0, 1))
    np.testing.assert_allclose(seen.numpy().ravel(), [-1, -0.6, 1], rtol=1e-6)
