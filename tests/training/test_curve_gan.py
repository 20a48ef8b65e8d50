"""The 1-D GAN: points on a curve, from the dataset as they are to the scatter plot (spec A 2.3)."""

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

import gan_pipeline.cli as pipeline_cli
from gan_train.networks.passes import inference_pass
from gan_train.randomness import Draw
from gan_train.recipe.document import load_recipe
from gan_train.runs.checkpoint import named_variables
from gan_train.step import metric_names, run_phase
from gan_train.systems.base import System
from tests.commands import run_inside
from tests.training.helpers import assert_same_checkpoint, build, gan_train, random_chunk, run_steps, trained_numbers

Points = NDArray[np.float32]
FUNCTIONS: dict[str, Callable[[Points], Points]] = {
    "parabola": np.square,
    "sine": np.sin,
    "gaussian": lambda x: np.exp(-x * x / 2),
}


def prepare(function: str, out: Path) -> Path:
    """500 points on a curve."""
    ran = run_inside(pipeline_cli.main, "prepare", "curve", "--function", function, "--limit", "500", "-o", out)
    assert ran.code == 0, ran.err
    return out


def train(data: Path, out: Path, steps: int, every: int) -> None:
    keys = (f"steps_per_call={every}", f"snapshot_every={every}", f"checkpoint_every={every}")
    sets = [part for key in keys for part in ("--set", key)]
    ran = gan_train("run", "curve-gan", "--short", "--data", data, "-o", out, *sets, "--steps", str(steps))
    assert ran.code == 0, ran.err


def weights(system: System) -> dict[str, list[Points]]:
    return {name: player.network.get_weights() for name, player in system.players.items()}


def test_each_phase_moves_its_player_and_nothing_else() -> None:
    """Reals, fakes, then the generator, in the order of the specification; D sees halves."""
    recipe = load_recipe("curve-gan")
    system, strategy, _ = build(recipe)
    batch = {name: values[0, 0] for name, values in random_chunk(recipe, system, strategy, 1).items()}
    assert batch["point"].shape == (64, 2)
    assert [phase.name for phase in system.phases] == ["d_real", "d_fake", "g"]
    step = tf.constant(0, tf.int64)
    for index, phase in enumerate(system.phases):
        before = weights(system)
        run_phase(system, phase, batch, Draw(0, step, index, 0, 1), step)
        for name, after in weights(system).items():
            stayed = [np.array_equal(*pair) for pair in zip(before[name], after, strict=True)]
            assert not any(stayed) if name == phase.player else all(stayed)


def test_a_loss_is_the_cross_entropy_of_the_points_as_they_are() -> None:
    """On reals that are neither scaled nor rounded."""
    recipe = load_recipe("curve-gan")
    system, strategy, _ = build(recipe)
    chunk = random_chunk(recipe, system, strategy, 1)
    scores = inference_pass(system.players["discriminator"].network, chunk["point"][0, 0])
    _, metrics = run_steps(recipe, 1, 1)
    first = dict(zip(metric_names(system), metrics[0], strict=True))
    assert first["d_real.loss"] == pytest.approx(float(tf.reduce_mean(tf.nn.softplus(-scores))), rel=1e-5)
    assert first["d_real.accuracy"] == pytest.approx(float(np.mean(scores.numpy() > 0)))


def test_one_replica_equals_two() -> None:
    recipe = load_recipe("curve-gan")
    (one, one_metrics), (two, two_metrics) = run_steps(recipe, 1, 4), run_steps(recipe, 2, 4)
    np.testing.assert_allclose(one_metrics, two_metrics, atol=1e-5)
    for name, variable in named_variables(one).items():
        np.testing.assert_allclose(variable.numpy(), named_variables(two)[name].numpy(), atol=1e-5, err_msg=name)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_curve_is_trained_on(function: str, tmp_path: Path) -> None:
    """Fakes come nearer to the curve; a look says how often the discriminator is right."""
    out = tmp_path / "run"
    train(prepare(function, tmp_path / "data"), out, steps=300, every=300)
    trained = keras.models.load_model(out / "models" / "generator-step-00000300.keras")
    untrained = build(load_recipe("curve-gan"))[0].generator
    assert distance(trained, FUNCTIONS[function]) < distance(untrained, FUNCTIONS[function])
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    looks = [row for row in rows if "snapshot.accuracy_real" in row]
    assert [row["step"] for row in looks] == [300]
    assert all(0 <= row[f"snapshot.accuracy_{truth}"] <= 1 for row in looks for truth in ("real", "fake"))


def test_a_run_continues_bit_for_bit(tmp_path: Path) -> None:
    """20 = 10 + 10 steps."""
    data, whole, out = prepare("parabola", tmp_path / "data"), tmp_path / "whole", tmp_path / "run"
    for folder, steps in ((whole, 20), (out, 10), (out, 20)):
        train(data, folder, steps, every=10)
    assert_same_checkpoint(whole, out, 20)
    assert trained_numbers((whole / "metrics.jsonl").read_bytes()) == trained_numbers((out / "metrics.jsonl").read_bytes())
    for picture in ("samples/step-00000020.png", "reals.png"):
        assert (whole / picture).read_bytes() == (out / picture).read_bytes()


def distance(generator: keras.Model, function: Callable[[Points], Points]) -> float:
    """Of generated points from the curve, mean |y - f(x)|."""
    x, y = generator(np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32)).numpy().T
    return float(np.abs(y - function(x)).mean())
