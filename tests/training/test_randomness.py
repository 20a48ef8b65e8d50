"""Every random number has an address."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import gan_train.networks.layers as layers
from gan_train.numerics.randomness import Draw

STEP = tf.constant(7, tf.int64)


def normal(replica: int, replicas: int, count: int = 8, size: int = 50, step: int = 7, phase: int = 0) -> NDArray[np.float32]:
    drawn: NDArray[np.float32] = Draw(3, tf.constant(step, tf.int64), phase, replica, replicas).normal(count, size).numpy()
    return drawn


@given(st.integers(1, 40), st.sampled_from([1, 2, 4]), st.integers(1, 5))
def test_replicas_draw_slices_of_what_one_device_draws(size: int, replicas: int, share: int) -> None:
    whole = normal(0, 1, share * replicas, size)
    parts = [normal(replica, replicas, share * replicas, size) for replica in range(replicas)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_steps_phases_and_streams_differ() -> None:
    draw = Draw(3, STEP, 0, 0, 1)
    drawn = [draw.normal(8, 50).numpy(), draw.normal(8, 50).numpy(), normal(0, 1, phase=1), normal(0, 1, step=8)]
    for one in range(len(drawn)):
        for other in range(one):
            assert abs(np.corrcoef(drawn[one].ravel(), drawn[other].ravel())[0, 1]) < 0.2


def test_latents_are_standard_normal() -> None:
    drawn = normal(0, 1, 2000, 50)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01


def test_the_same_address_gives_the_same_numbers() -> None:
    np.testing.assert_array_equal(normal(0, 1), normal(0, 1))


def test_too_many_streams_are_refused() -> None:
    draw = Draw(3, STEP, 0, 0, 1)
    with pytest.raises(RuntimeError, match="255"):
        for _ in range(256):
            draw.normal(1, 4)


def test_stacked_batches_draw_a_stream_each() -> None:
    """A mixed batch must drop the same activations of each example however many replicas share it."""
    whole = Draw(3, STEP, 0, 0, 1).uniform_like(tf.zeros((8, 3, 3, 2)), parts=2).numpy()
    shares = [Draw(3, STEP, 0, replica, 2).uniform_like(tf.zeros((4, 3, 3, 2)), parts=2).numpy() for replica in (0, 1)]
    real = np.concatenate([share[:2] for share in shares])
    fake = np.concatenate([share[2:] for share in shares])
    np.testing.assert_array_equal(np.concatenate([real, fake]), whole)


def test_dropout_keeps_the_mean_and_the_rate() -> None:
    layer = layers.Dropout(0.4)
    model = layers.keras.Sequential([layers.keras.Input((50, 50, 2)), layer])
    dropped = layers.training_pass(model, tf.ones((16, 50, 50, 2)), Draw(3, STEP, 0, 0, 1), update_statistics=True).numpy()
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / 0.6)}
    assert abs((dropped == 0).mean() - 0.4) < 0.01
    np.testing.assert_array_equal(layers.inference_pass(model, tf.ones((2, 50, 50, 2))), np.ones((2, 50, 50, 2)))


def test_training_mode_outside_a_training_pass_is_refused() -> None:
    model = layers.keras.Sequential([layers.keras.Input((4,)), layers.Dropout(0.5)])
    with pytest.raises(RuntimeError, match="training_pass"):
        model(tf.ones((2, 4)), training=True)
