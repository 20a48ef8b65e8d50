"""Every loss against worked numbers and signs, and at the points where a naive form breaks."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gan_train.objectives.losses import FAKE, LOSSES, REAL, Loss, cross_entropy

LN_2 = 0.693147


def column(*scores: float) -> tf.Tensor:
    return tf.constant(scores, tf.float32)[:, None]


def value_and_slope(
    function: Callable[..., tf.Tensor], *scores: float, **options: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Losses and their derivatives by the scores, under tf.function as in training."""

    @tf.function
    def run(inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            losses = function(inputs, **options)
        return losses, tape.gradient(losses, inputs)[:, 0]

    losses, slopes = run(column(*scores))
    return losses.numpy(), slopes.numpy()


@pytest.mark.parametrize(
    ("name", "on_real", "on_fake", "of_generator"),
    [
        ("minimax", LN_2, LN_2, -LN_2),
        ("non-saturating", LN_2, LN_2, LN_2),
        ("least-squares", 1.0, 0.0, 1.0),
        ("wasserstein", 0.0, 0.0, 0.0),
        ("hinge", 1.0, 1.0, 0.0),
    ],
)
def test_losses_of_a_score_of_zero(name: str, on_real: float, on_fake: float, of_generator: float) -> None:
    """Worked values: cross-entropy at D = 0.5, least squares and hinge at D = 0."""
    loss = LOSSES[name]
    for losses, expected in (
        (loss.on_real(column(0.0)), on_real),
        (loss.on_fake(column(0.0)), on_fake),
        (loss.of_generator(column(0.0)), of_generator),
    ):
        assert losses.shape == (1,) and losses.dtype == tf.float32
        np.testing.assert_allclose(losses, [expected], atol=1e-6)


def test_wasserstein_signs_of_the_text() -> None:
    """The Wasserstein loss is the mean score times a label: -1 for real, 1 for fake."""
    loss = LOSSES["wasserstein"]
    np.testing.assert_allclose(loss.on_real(column(0.5, 0.8, 1.0)), [-0.5, -0.8, -1.0])
    assert abs(float(tf.reduce_mean(loss.on_real(column(0.5, 0.8, 1.0)))) + 0.7667) < 1e-4
    np.testing.assert_allclose(loss.of_generator(column(10.0, 50.0)), [-10.0, -50.0])
    for real, fake, expected in ((20.0, 50.0, -30.0), (10.0, 50.0, -40.0)):
        assert float(loss.on_real(column(-real))[0] + loss.on_fake(column(-fake))[0]) == expected


def test_hinge_stops_at_its_margin() -> None:
    loss = LOSSES["hinge"]
    np.testing.assert_array_equal(loss.on_real(column(-2.0, 0.5, 1.0, 7.0)), [3.0, 0.5, 0.0, 0.0])
    np.testing.assert_array_equal(loss.on_fake(column(2.0, -0.5, -1.0, -7.0)), [3.0, 0.5, 0.0, 0.0])
    np.testing.assert_array_equal(loss.of_generator(column(3.0, -3.0)), [-3.0, 3.0])


def test_least_squares_is_the_squared_error_of_keras() -> None:
    scores, targets = column(-1.5, 0.3, 2.0), tf.constant([1.0, 0.0, 0.9])
    losses = LOSSES["least-squares"].of_discriminator(scores, targets)
    np.testing.assert_allclose(losses, keras.losses.mean_squared_error(targets[:, None], scores), rtol=1e-6)


def test_cross_entropy_of_smoothed_targets() -> None:
    """A target of 1.2 makes the loss -0.91 at p = 0.99 and -2.76 at p = 0.999999."""
    logits = [float(np.log(p / (1 - p))) for p in (0.99, 0.999999)]
    np.testing.assert_allclose(cross_entropy(column(*logits), 1.2), [-0.91, -2.76], atol=5e-3)
    each = cross_entropy(column(0.4, 0.4), tf.constant([0.9, 0.1]))
    np.testing.assert_allclose(each, [cross_entropy(column(0.4), target)[0] for target in (0.9, 0.1)], rtol=1e-6)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_extreme_scores_give_finite_losses_and_slopes(loss: Loss) -> None:
    scores = (-1e9, -1e4, -100.0, 0.0, 100.0, 1e4, 1e9)
    for function in (loss.on_real, loss.on_fake, loss.of_generator):
        losses, slopes = value_and_slope(function, *scores)
        assert np.isfinite(losses).all() and np.isfinite(slopes).all()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_slopes_pull_the_players_apart(loss: Loss) -> None:
    """Descent raises scores of real images and lowers those of fakes; the generator raises its own."""
    between = (0.2, 0.5, 0.8)
    assert (value_and_slope(loss.on_real, *between)[1] < 0).all()
    assert (value_and_slope(loss.on_fake, *between)[1] > 0).all()
    assert (value_and_slope(loss.of_generator, *between)[1] < 0).all()


def test_the_saturating_generator_has_no_gradient_when_it_loses() -> None:
    """Same direction and same fixed point, but sizes sigmoid(s) against 1 - sigmoid(s)."""
    scores = (-10.0, 0.0, 10.0)
    minimax, slope = value_and_slope(LOSSES["minimax"].of_generator, *scores)
    _, strong = value_and_slope(LOSSES["non-saturating"].of_generator, *scores)
    np.testing.assert_allclose(minimax, [-4.5399e-5, -LN_2, -10.0000454], rtol=1e-5)
    np.testing.assert_allclose(slope, [-4.5398e-5, -0.5, -0.9999546], rtol=1e-4)
    np.testing.assert_allclose(strong, [-0.9999546, -0.5, -4.5398e-5], rtol=1e-3)


@given(st.sampled_from(sorted(LOSSES)), st.lists(st.tuples(st.floats(-9, 9, width=32), st.booleans()), min_size=1, max_size=9))
def test_flipped_labels_swap_the_sides_example_by_example(name: str, examples: list[tuple[float, bool]]) -> None:
    loss = LOSSES[name]
    scores, flipped = column(*(score for score, _ in examples)), np.array([flip for _, flip in examples])
    targets = tf.constant(np.where(flipped, FAKE, REAL), tf.float32)
    expected = np.where(flipped, loss.on_fake(scores), loss.on_real(scores))
    np.testing.assert_allclose(loss.on_real(scores, targets), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.takes_soft_targets])
def test_a_soft_target_is_where_the_loss_is_least(name: str) -> None:
    for target in (0.2, 0.9):
        best = float(np.log(target / (1 - target))) if name != "least-squares" else target
        _, (below, at, above) = value_and_slope(LOSSES[name].on_real, best - 0.1, best, best + 0.1, target=target)
        assert below < 0 < above and abs(at) < 1e-6
