"""Classes and codes: their distribution, their address, their place in a generator's input."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gan_train.latents.codes import draw_classes, with_codes
from gan_train.numerics.randomness import Draw


def drawn(count: int, classes: int, replica: int = 0, replicas: int = 1, step: int = 3) -> NDArray[np.int32]:
    values: NDArray[np.int32] = draw_classes(Draw(5, tf.constant(step, tf.int64), 0, replica, replicas), count, classes).numpy()
    return values


@pytest.mark.parametrize("classes", [2, 10, 37])
def test_all_classes_are_equally_likely(classes: int) -> None:
    values = drawn(20_000, classes)
    assert values.shape == (20_000,) and values.dtype == np.int32
    counts = np.bincount(values, minlength=classes)
    assert len(counts) == classes
    expected = 20_000 / classes
    # Chi squared: mean classes - 1, variance twice that.
    statistic = float((((counts - expected) ** 2) / expected).sum())
    assert statistic < classes - 1 + 4 * np.sqrt(2 * (classes - 1))
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.03


@given(st.integers(1, 50), st.sampled_from([1, 2, 4]), st.integers(1, 9))
def test_replicas_draw_slices_of_what_one_device_draws(classes: int, replicas: int, share: int) -> None:
    parts = [drawn(share * replicas, classes, replica, replicas) for replica in range(replicas)]
    np.testing.assert_array_equal(np.concatenate(parts), drawn(share * replicas, classes))


def test_each_call_and_each_step_draws_anew() -> None:
    draw = Draw(5, tf.constant(3, tf.int64), 0, 0, 1)
    one, other = (draw_classes(draw, 1000, 10).numpy() for _ in range(2))
    for another in (other, drawn(1000, 10, step=4)):
        assert abs(np.corrcoef(one, another)[0, 1]) < 0.1


def test_classes_do_not_follow_the_noise_they_are_drawn_with() -> None:
    draw = Draw(5, tf.constant(3, tf.int64), 0, 0, 1)
    noise, classes = draw.normal(4000, 62).numpy(), draw_classes(draw, 4000, 10).numpy()
    assert abs(np.corrcoef(noise[:, 0], classes)[0, 1]) < 0.06


def test_noise_comes_first_and_the_code_last() -> None:
    """62 numbers of noise, then ten of the code."""
    noise = tf.random.stateless_normal((3, 62), (0, 0))
    latents = with_codes(noise, tf.constant([0, 9, 4]), 10).numpy()
    assert latents.shape == (3, 72) and latents.dtype == np.float32
    np.testing.assert_array_equal(latents[:, :62], noise)
    np.testing.assert_array_equal(latents[:, 62:], np.eye(10, dtype=np.float32)[[0, 9, 4]])
