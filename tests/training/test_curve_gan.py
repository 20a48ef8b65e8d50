"""The 1-D GAN: points on a curve, from the dataset as they are to the scatter plot."""

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.networks.passes import inference_pass
from gan_train.recipe.document import load_recipe
from gan_train.systems.step import metric_names
from gan_train.testing import build, random_chunk, run_steps
from tests.support.runs import gan_train
from tests.support.training_data import prepare

Points = NDArray[np.float32]
FUNCTIONS: dict[str, Callable[[Points], Points]] = {
    "parabola": np.square,
    "sine": np.sin,
    "gaussian": lambda x: np.exp(-x * x / 2),
}


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


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_curve_is_trained_on(function: str, tmp_path: Path) -> None:
    """Fakes come nearer to the curve; a look says how often the discriminator is right."""
    out = tmp_path / "run"
    data = prepare(tmp_path / "data", "curve", "--function", function, "--limit", "500")
    ran = gan_train("run", "curve-gan", "--short", "--data", data, "-o", out, "--steps", "300")
    assert ran.code == 0, ran.err
    trained = keras.models.load_model(out / "models" / "generator-step-00000300.keras")
    untrained = build(load_recipe("curve-gan"))[0].generator
    assert distance(trained, FUNCTIONS[function]) < distance(untrained, FUNCTIONS[function])
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    looks = [row for row in rows if "snapshot.accuracy_real" in row]
    assert [row["step"] for row in looks] == [300]
    assert all(0 <= row[f"snapshot.accuracy_{truth}"] <= 1 for row in looks for truth in ("real", "fake"))


def distance(generator: keras.Model, function: Callable[[Points], Points]) -> float:
    """The mean distance |y - f(x)| of generated points from the curve."""
    x, y = generator(np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32)).numpy().T
    return float(np.abs(y - function(x)).mean())
