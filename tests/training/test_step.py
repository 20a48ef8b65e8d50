"""One step: the right player moves, in the right order, and the number of replicas changes nothing."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gan_train.data.pixels import to_range, to_uint8
from gan_train.numerics.randomness import Draw
from gan_train.objectives.losses import FAKE, REAL, cross_entropy
from gan_train.runs.checkpoint import named_variables
from gan_train.systems.step import metric_names, run_phase
from gan_train.testing import build, random_chunk, run_steps
from tests.support.runs import RECIPES, small_recipe

STEP = tf.constant(0, tf.int64)


@pytest.mark.parametrize("recipe_name", RECIPES[:2])
def test_all_trainable_weights_of_both_players_move(recipe_name: str) -> None:
    """The compile-then-freeze trap of Keras 3 leaves the discriminator where it was, with a warning."""
    recipe = small_recipe(recipe_name)
    system, strategy, step_function = build(recipe)
    before = {v.path + p.name: v.numpy() for p in system.players.values() for v in p.variables}
    step_function(random_chunk(recipe, system, strategy, 2), tf.constant(0), tf.constant(0, tf.int64), tf.constant(2))
    for player in system.players.values():
        for variable in player.variables:
            assert not np.array_equal(before[variable.path + player.name], variable.numpy()), variable.path
        assert int(player.optimizer.iterations) == 2 * sum(phase.player == player.name for phase in system.phases)


def test_a_metric_that_no_outcome_has_is_named() -> None:
    recipe = small_recipe("mnist-gan")
    system, strategy, _ = build(recipe)
    batch = {name: values[0, 0] for name, values in random_chunk(recipe, system, strategy, 1).items()}
    phase = replace(system.phases[0], metrics=("accuracy_real", "energy_fak"))
    with pytest.raises(ValueError, match="phase d: its outcome has no metric energy_fak, but: score_real, accuracy_real, "):
        run_phase(system, phase, batch, Draw(0, STEP, 0, 0, 1), STEP)


@pytest.mark.evidence
def test_one_replica_equals_two() -> None:
    """Dropout, latents and data included. Without batch statistics, which are per replica."""
    recipe = small_recipe("mnist-gan")
    (one, one_metrics), (two, two_metrics) = run_steps(recipe, 1, 4), run_steps(recipe, 2, 4)
    np.testing.assert_allclose(one_metrics, two_metrics, atol=1e-6)
    for name, player in one.players.items():
        for mine, other in zip(player.network.get_weights(), two.players[name].network.get_weights(), strict=True):
            np.testing.assert_allclose(mine, other, atol=2e-6)


PRACTICES = (
    "discriminator_batch=joint",
    "loss=least-squares",
    "labels={real: [0.7, 1.2], fake: [0.0, 0.3], flip: 0.2}",
    "instance_noise={stddev: 0.2, steps: 10}",
    "augment=[colour, translation]",
    "latent={distribution: truncated}",
    "average={half_life_images: 50}",
    "generator.optimizer.clip_norm=0.5",
)
"""Everything whose numbers replicas share. Without batch statistics."""


@pytest.mark.parametrize(
    "overrides",
    [
        ["penalties={gradient: {}, orthogonal: {weight: 0.001}}", "discriminator_steps=2"],
        ["penalties={dragan: {}, r1: {gamma: 2, every: 2}}"],
    ],
)
def test_one_replica_equals_two_with_every_practice(overrides: list[str]) -> None:
    """Plain gradient descent, or Adam's first steps would turn a difference in rounding into one of sign."""
    sgd = "{kind: sgd, learning_rate: 0.01, momentum: 0.5}"
    optimizers = [f"{player}.optimizer={sgd}" for player in ("generator", "discriminator")]
    recipe = small_recipe("mnist-gan", *optimizers, *PRACTICES, *overrides)
    (one, one_metrics), (two, two_metrics) = run_steps(recipe, 1, 3), run_steps(recipe, 2, 3)
    np.testing.assert_allclose(one_metrics, two_metrics, rtol=1e-4, atol=1e-5)
    mine, other = (named_variables(system) for system in (one, two))
    assert mine.keys() == other.keys() and any(name.startswith("average/") for name in mine)
    for name, variable in mine.items():
        np.testing.assert_allclose(variable.numpy(), other[name].numpy(), rtol=1e-4, atol=1e-5, err_msg=name)


def test_synchronized_statistics_make_two_replicas_equal_one() -> None:
    """Batch normalisation in both networks, and R1 through it, which takes its second derivative."""
    batch_norm, sgd = "batch_norm={synchronized: true}", "optimizer={kind: sgd, learning_rate: 0.01}"
    both = [f"{player}.{part}" for player in ("generator", "discriminator") for part in (batch_norm, sgd)]
    options = (*both, "discriminator_batch=joint", "penalties={r1: {gamma: 10}}", "discriminator.initializer=he_normal")
    recipe = small_recipe("mnist-dcgan", *options)
    (one, one_metrics), (two, two_metrics) = run_steps(recipe, 1, 3), run_steps(recipe, 2, 3)
    assert one_metrics[:, metric_names(one).index("d.penalty")].min() > 1e-3
    np.testing.assert_allclose(one_metrics, two_metrics, rtol=1e-3, atol=1e-4)
    for name, variable in named_variables(one).items():
        np.testing.assert_allclose(variable.numpy(), named_variables(two)[name].numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    ("recipe_name", "overrides"),
    [
        ("mnist-dcgan", ["average={half_life_images: 50}", "discriminator.spectral_norm=true"]),
        ("mnist-gan", [*PRACTICES, "penalties={r1: {gamma: 2, every: 2}}", "precision=bfloat16"]),
        ("mnist-dcgan", ["precision=float16"]),
    ],
)
def test_replicas_agree_on_every_variable(recipe_name: str, overrides: list[str]) -> None:
    """Mirrored copies of weights and of moving averages stay equal, or a resumed run would differ."""
    system, _ = run_steps(small_recipe(recipe_name, *overrides), 2, 2)
    for name, variable in named_variables(system).items():
        copies = [copy.numpy() for copy in variable.value.values]
        assert len(copies) == 2
        np.testing.assert_array_equal(copies[0], copies[1], err_msg=name)


@pytest.mark.parametrize("recipe_name", RECIPES[:2])
def test_the_metrics_of_a_call_are_those_of_its_steps(recipe_name: str) -> None:
    """Three steps in one call report and do what three calls of one step do."""
    recipe = small_recipe(recipe_name)
    together, metrics = run_steps(recipe, 1, 3)
    apart, strategy, step_function = build(recipe)
    chunk = random_chunk(recipe, apart, strategy, 3)
    for step in range(3):
        alone = {name: values[step : step + 1] for name, values in chunk.items()}
        row = step_function(alone, tf.constant(0), tf.constant(step, tf.int64), tf.constant(1)).numpy()[0]
        np.testing.assert_array_equal(row, metrics[step])
    assert metrics.shape == (3, len(metric_names(together)))
    others = named_variables(apart)
    for name, variable in named_variables(together).items():
        np.testing.assert_array_equal(variable.numpy(), others[name].numpy(), err_msg=name)


def test_first_losses_are_near_ln_2() -> None:
    """An untrained discriminator gives about ln 2: 0.71 and 0.68 in the mixed batch's first step."""
    system, metrics = run_steps(small_recipe("mnist-gan"), 1, 1)
    first = dict(zip(metric_names(system), metrics[0], strict=True))
    assert abs(first["d.loss"] - np.log(2)) < 0.1
    assert abs(first["g.loss"] - np.log(2)) < 0.1


@given(st.lists(st.floats(-14, 14, width=32), min_size=1, max_size=20), st.sampled_from([REAL, FAKE, 0.9]))
def test_cross_entropy_equals_keras_on_probabilities(scores: list[float], target: float) -> None:
    logits = np.asarray(scores, np.float32)[:, None]
    expected = keras.losses.binary_crossentropy(np.full_like(logits, target), tf.sigmoid(logits))
    np.testing.assert_allclose(cross_entropy(tf.constant(logits), target), expected, rtol=2e-2, atol=2e-5)


def test_cross_entropy_worked_numbers() -> None:
    scores = tf.constant([[0.0], [2.0], [-100.0]])
    np.testing.assert_allclose(cross_entropy(scores, REAL), [0.693147, 0.126928, 100.0], rtol=1e-5)
    np.testing.assert_allclose(cross_entropy(scores, FAKE), [0.693147, 2.126928, 0.0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "low"), [("unit", 0.0), ("symmetric", -1.0)])
def test_pixels_round_trip(name: str, low: float) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    scaled = to_range(tf.constant(pixels), name).numpy()
    assert (scaled.min(), scaled.max()) == (low, 1.0)
    np.testing.assert_array_equal(to_uint8(scaled, name), pixels)
    np.testing.assert_array_equal(to_uint8(np.array([low - 1, 2.0], np.float32), name), [0, 255])
