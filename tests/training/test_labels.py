"""Smoothing ranges, flips that are independent, and slices per replica."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gan_train.numerics.randomness import Draw
from gan_train.objectives.labels import LabelNoise, Source, targets
from gan_train.objectives.losses import FAKE, REAL

BOOK = LabelNoise(real=(0.7, 1.2), fake=(0.0, 0.3))
FLIPS = LabelNoise(flip=0.05)


def drawn(truth: Source, noise: LabelNoise, count: int = 20_000, replica: int = 0, replicas: int = 1) -> NDArray[np.float32]:
    draw = Draw(5, tf.constant(3, tf.int64), 0, replica, replicas)
    values: NDArray[np.float32] = targets(truth, noise, draw, count).numpy()
    return values


@pytest.mark.parametrize(("truth", "value"), [("real", REAL), ("fake", FAKE)])
def test_plain_labels_are_exact(truth: Source, value: float) -> None:
    labels = drawn(truth, LabelNoise(), 64)
    assert labels.shape == (64,) and labels.dtype == np.float32
    np.testing.assert_array_equal(labels, np.full(64, value))


@pytest.mark.parametrize(("truth", "low", "high"), [("real", 0.7, 1.2), ("fake", 0.0, 0.3)])
def test_smoothed_labels_fill_the_range_of_the_book(truth: Source, low: float, high: float) -> None:
    """1,000 smoothed labels nearly reach the ends of their ranges, [0.7, 1.2] and [0, 0.3]."""
    labels = drawn(truth, BOOK)
    assert low <= labels.min() < low + 0.001
    assert high - 0.001 < labels.max() <= high
    assert abs(labels.mean() - (low + high) / 2) < 0.005
    assert abs(labels.std() - (high - low) / 12**0.5) < 0.005


def test_one_sided_smoothing_leaves_fakes_alone() -> None:
    one_sided = LabelNoise(real=(0.9, 0.9))
    np.testing.assert_array_equal(drawn("real", one_sided, 8), np.full(8, 0.9, np.float32))
    np.testing.assert_array_equal(drawn("fake", one_sided, 8), np.zeros(8))


@pytest.mark.parametrize(("truth", "flipped"), [("real", FAKE), ("fake", REAL)])
def test_flips_have_their_rate_and_each_example_its_own(truth: Source, flipped: float) -> None:
    """Drawing indices with replacement instead (Brownlee, Generative Adversarial Networks with Python, ch. 5)
    would repeat some, and flip none of fewer than 20 labels.
    """
    flips = (drawn(truth, FLIPS) == flipped).astype(np.float64)
    assert abs(flips.mean() - 0.05) < 0.005
    assert abs(np.corrcoef(flips[1:], flips[:-1])[0, 1]) < 0.03
    # The number of flips in batches of 20 spreads as a binomial does.
    assert abs(flips.reshape(-1, 20).sum(axis=1).var() - 20 * 0.05 * 0.95) < 0.15


@given(st.sampled_from(["real", "fake"]), st.sampled_from([0.0, 1.0]))
def test_all_or_none_are_flipped_at_the_edges(truth: Source, flip: float) -> None:
    usual = REAL if truth == "real" else FAKE
    np.testing.assert_array_equal(drawn(truth, LabelNoise(flip=flip), 256), np.full(256, 1 - usual if flip else usual))


def test_a_flipped_example_takes_the_range_of_its_new_label() -> None:
    """The ranges are [0.7, 1.2] and [0, 0.3], not [1.0, 1.3] and [-0.3, 0.2]."""
    everything = LabelNoise(BOOK.real, BOOK.fake, flip=1.0)
    assert drawn("real", everything).min() >= 0.0 and drawn("real", everything).max() <= 0.3
    assert drawn("fake", everything).min() >= 0.7 and drawn("fake", everything).max() > 1.19
    some = drawn("real", LabelNoise(BOOK.real, BOOK.fake, flip=0.25))
    assert abs((some <= 0.3).mean() - 0.25) < 0.01
    assert not ((some > 0.3001) & (some < 0.6999)).any()


def test_flips_do_not_decide_the_smoothed_value() -> None:
    """Were one number used for both, flipped examples would sit in one part of their range."""
    some = drawn("real", LabelNoise(BOOK.real, BOOK.fake, flip=0.25))
    assert abs(some[some <= 0.3].mean() - 0.15) < 0.005
    assert abs(some[some >= 0.7].mean() - 0.95) < 0.005


def test_each_call_draws_anew() -> None:
    draw = Draw(5, tf.constant(3, tf.int64), 0, 0, 1)
    one, other = (targets("real", BOOK, draw, 1000).numpy() for _ in range(2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.1


@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_take_their_slices(replicas: int) -> None:
    noise = LabelNoise(BOOK.real, BOOK.fake, flip=0.3)
    parts = [drawn("fake", noise, 64, replica, replicas) for replica in range(replicas)]
    np.testing.assert_array_equal(np.concatenate(parts), drawn("fake", noise, 64))
