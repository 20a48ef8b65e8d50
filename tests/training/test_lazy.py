"""R1 and R2, every step or every k-th: when they run, how strong they are, what they log, and the rhythm of the steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_train.systems.base import System
from gan_train.systems.step import metric_names
from gan_train.testing import build, random_chunk, run_steps
from tests.support.probes import Array, look, reals
from tests.support.runs import SMALL, gan_train, small_recipe

RECIPE = ("discriminator_batch=joint", "discriminator.dropout=0")
EVERY_THIRD = (*RECIPE, "penalties={r1: {gamma: 4, every: 3}}")


def half_squared_slopes(system: System, images: Array) -> Array:
    inputs = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        scores = system.players["discriminator"].network(inputs)
    gradients: Array = tape.gradient(scores, inputs).numpy()
    return 0.5 * np.sum(gradients**2, axis=(1, 2, 3))


@pytest.mark.parametrize("penalty", ["r1", "r2"])
@pytest.mark.parametrize("every", [1, 3])
def test_the_penalty_is_as_strong_as_it_is_rare(penalty: str, every: int) -> None:
    """It is gamma / 2 |gradient|^2 at the reals (R1) or fakes (R2) of the step, `every` times.

    Where it is lazy the joint loss has none of it.
    """
    recipe = small_recipe("mnist-gan", *RECIPE, f"penalties={{{penalty}: {{gamma: 4, every: {every}}}}}")
    system, _, _ = build(recipe)
    batch = reals(recipe)
    seen = look(system, "d" if every == 1 else penalty, batch)
    images = batch["image"].numpy() / np.float32(255) if penalty == "r1" else seen.shown.made[0]
    expected = every * 4 * half_squared_slopes(system, images)
    assert expected.min() > 1e-6
    np.testing.assert_allclose(seen.metrics["penalty"] if every == 1 else seen.losses, expected, rtol=1e-4)
    if every > 1:
        assert not look(system, "d", batch).metrics["penalty"].any()


def test_it_runs_in_steps_divisible_by_its_number_from_zero() -> None:
    """One more update in steps 0, 3 and 6, whose reals are those of the last discriminator turn; else nothing."""
    system, metrics = run_steps(small_recipe("mnist-gan", *EVERY_THIRD), 1, 7)
    column = dict(zip(metric_names(system), metrics.T, strict=True))
    assert ["d.loss" in column, "r1.loss" in column, "r1.gradient_norm" in column] == [True] * 3
    for name in ("r1.loss", "r1.gradient_norm"):
        assert [value != 0 for value in column[name]] == [True, False, False, True, False, False, True]
    assert int(system.players["discriminator"].optimizer.iterations) == 7 + 3
    assert int(system.players["generator"].optimizer.iterations) == 7


def test_both_run_in_the_same_steps() -> None:
    both = "penalties={r1: {gamma: 4, every: 2}, r2: {gamma: 4, every: 2}}"
    system, metrics = run_steps(small_recipe("mnist-gan", *RECIPE, both), 1, 3)
    column = dict(zip(metric_names(system), metrics.T, strict=True))
    for name in ("r1.loss", "r2.loss"):
        assert [value != 0 for value in column[name]] == [True, False, True]
    assert int(system.players["discriminator"].optimizer.iterations) == 3 + 2 * 2


def test_it_runs_in_each_turn_of_its_step() -> None:
    system, _ = run_steps(small_recipe("mnist-gan", *EVERY_THIRD, "discriminator_steps=2"), 1, 4)
    assert int(system.players["discriminator"].optimizer.iterations) == 2 * (4 + 2)


@pytest.mark.parametrize("first_call", [pytest.param(1, marks=pytest.mark.evidence), 2])
def test_calls_that_begin_inside_the_rhythm_keep_it(first_call: int) -> None:
    """Five steps in one call end at the bits of two calls, cut anywhere."""
    recipe = small_recipe("mnist-gan", *EVERY_THIRD)
    whole, metrics = run_steps(recipe, 1, 5)
    cut, strategy, step_function = build(recipe)
    chunk = random_chunk(recipe, cut, strategy, 5)
    for begin, end in ((0, first_call), (first_call, 5)):
        part = {name: values[begin:end] for name, values in chunk.items()}
        rows = step_function(part, tf.constant(0), tf.constant(begin, tf.int64), tf.constant(end - begin)).numpy()
        np.testing.assert_array_equal(rows, metrics[begin:end])
    for name, player in whole.players.items():
        for mine, other in zip(player.network.get_weights(), cut.players[name].network.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_it_changes_the_discriminator_and_only_it_first() -> None:
    """After one step the discriminator differs from one without; the generator saw another one, so it differs too."""
    (bare, _), (lazy, _) = (run_steps(small_recipe("mnist-gan", *options), 1, 1) for options in (RECIPE, EVERY_THIRD))
    for name in bare.players:
        weights = (system.players[name].network.get_weights() for system in (bare, lazy))
        assert any(not np.array_equal(mine, other) for mine, other in zip(*weights, strict=True)), name


def test_steps_without_it_log_nothing_of_it(digits: Path, tmp_path: Path) -> None:
    """Through the command; and the last step, which shows the progress, is one of those."""
    options = [part for override in EVERY_THIRD for part in ("--set", override)]
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", tmp_path / "run", *SMALL, *options, "--steps", "5")
    assert ran.code == 0, ran.err
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [{name for name in row if name.startswith("r1.")} for row in rows] == [
        {"r1.loss", "r1.gradient_norm"}, set(), set(), {"r1.loss", "r1.gradient_norm"}, set(),
    ]  # fmt: skip
    assert all("d.penalty" in row for row in rows)
