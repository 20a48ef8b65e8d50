"""Practices through the command: what the run folder holds of them, and that pictures are the average's."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.pictures import grid_pixels
from tests.support.runs import SMALL, gan_train, saved_variables

Array = NDArray[np.float32]


def train(digits: Path, out: Path, *overrides: str) -> Path:
    sets = [part for override in (*overrides, "snapshot_every=4") for part in ("--set", override)]
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, *sets, "--steps", "4")
    assert ran.code == 0, ran.err
    return out


@pytest.fixture(scope="module")
def averaged(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Truncated latents, an average, a schedule, all kinds of optimizer."""
    return train(
        digits,
        tmp_path_factory.mktemp("practices") / "averaged",
        "latent={distribution: truncated, threshold: 0.5}",
        "average={half_life_images: 40, warm_up: 10}",
        "generator.optimizer={kind: rmsprop, learning_rate: 0.01, schedule: {warm_up: 4}}",
        "discriminator.optimizer={kind: sgd, learning_rate: 0.05, momentum: 0.9, clip_norm: 0.1}",
        "generator.spectral_norm=true",
        "generator.batch_norm={}",
    )


@pytest.fixture(scope="module")
def scaled(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uniform latents, in float16."""
    return train(digits, tmp_path_factory.mktemp("practices") / "scaled", "latent.distribution=uniform", "precision=float16")


def drawn(kind: str) -> Array:
    """The first vector of seed 7, written down anew."""
    random = np.random.default_rng(7)
    if kind == "uniform":
        return random.uniform(-1, 1, (1, 100)).astype(np.float32)
    numbers = [value for value in random.standard_normal(2_000) if abs(value) <= 0.5]
    return np.asarray(numbers[:100], np.float32)[None]


def images(run: Path, latents: Array) -> NDArray[np.float64]:
    """Images of the saved generator, loaded by Keras alone."""
    generator = keras.models.load_model(run / "models" / "generator-step-00000004.keras")
    made: NDArray[np.float64] = np.rint(np.asarray(generator(latents), np.float64)[..., 0] * 255)
    return made


@pytest.mark.parametrize(
    ("fixture", "kind", "most", "deviation"), [("averaged", "truncated", 0.5, 0.2839), ("scaled", "uniform", 1, 3**-0.5)]
)
def test_pictures_and_samples_use_the_latents_of_the_recipe(
    fixture: str, kind: str, most: float, deviation: float, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run = request.getfixturevalue(fixture)
    with np.load(run / "latents.npz") as archive:
        latents = archive["latents"]
    assert np.abs(latents).max() <= most
    assert latents.std() == pytest.approx(deviation, rel=0.08)
    ran = gan_train("sample", run, "-o", tmp_path / "seven", "--seeds", "7")
    assert ran.code == 0, ran.err
    sampled = np.asarray(Image.open(tmp_path / "seven" / "seed-7.png")).astype(float)
    np.testing.assert_allclose(sampled, images(run, drawn(kind))[0], atol=1)
    other = images(run, np.random.default_rng(7).standard_normal((1, 100), np.float32))[0]
    assert np.abs(sampled - other).max() > 2


def test_the_saved_generator_and_the_grid_are_the_averages(averaged: Path) -> None:
    """The checkpoint holds both; what is shown and saved is the average, with its kernels normalised."""
    variables = saved_variables(averaged, 4)
    mine = {name.removeprefix("average/"): values for name, values in variables.items() if name.startswith("average/")}
    trained = {name: variables[f"generator/{name}"] for name in mine}
    assert len(mine) > 10
    saved = keras.models.load_model(averaged / "models" / "generator-step-00000004.keras")
    for layer in ("project", "up_1", "up_2", "image"):
        bias, name = saved.get_layer(layer).get_weights()[1], f"{layer}/{layer}/bias"
        np.testing.assert_array_equal(bias, mine[name])
        assert not np.allclose(bias, trained[name], atol=1e-4) or layer.startswith("up"), name
    gamma = saved.get_layer("up_1_normalised").get_weights()[0]
    np.testing.assert_array_equal(gamma, mine["up_1_normalised/gamma"])
    assert not np.allclose(gamma, trained["up_1_normalised/gamma"], atol=1e-4)
    with np.load(averaged / "latents.npz") as archive:
        expected = 255 - images(averaged, archive["latents"])
    grid = grid_pixels(averaged / "samples" / "step-00000004.png").astype(float)
    np.testing.assert_allclose(grid[2:30, 2:30], expected[0], atol=1)
    np.testing.assert_allclose(grid[62:90, 62:90], expected[8], atol=1)


def rows(run: Path) -> list[dict[str, float]]:
    """The log as strict JSON, which knows no NaN or Infinity."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} in metrics.jsonl")

    return [json.loads(line, parse_constant=refuse) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_norms_and_learning_rates_are_logged(averaged: Path) -> None:
    logged = rows(averaged)
    assert [row["generator.learning_rate"] for row in logged] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    assert [row["discriminator.learning_rate"] for row in logged] == pytest.approx([0.05] * 4)
    assert all(row["d.gradient_norm"] > 0 and row["g.gradient_norm"] > 0 for row in logged)
    variables = saved_variables(averaged, 4)
    state = ("/u", "moving_mean", "moving_variance", "updates")
    for player in ("generator", "discriminator"):
        own = {
            name: values for name, values in variables.items() if name.startswith(f"{player}/") and "/optimizer/" not in name
        }
        norm = np.sqrt(sum(np.sum(values.astype(np.float64) ** 2) for name, values in own.items() if not name.endswith(state)))
        assert logged[-1][f"{player}.weight_norm"] == pytest.approx(norm, rel=1e-5)
        assert logged[0][f"{player}.weight_norm"] != logged[-1][f"{player}.weight_norm"]


def test_a_checkpoint_holds_the_loss_scale_of_each_player(scaled: Path) -> None:
    """Halved for each update that was skipped; the updates that were taken are counted by both."""
    variables = saved_variables(scaled, 4)
    for player in ("generator", "discriminator"):
        scale, good, taken = (
            next(values for name, values in variables.items() if name.startswith(f"{player}/optimizer/") and name.endswith(end))
            for end in ("loss_scale/scale", "loss_scale/good_steps", "iteration")
        )
        assert int(taken) >= 1
        assert float(scale) == 2.0 ** (15 - (4 - int(taken)))
        assert int(good) <= int(taken)
    assert len(rows(scaled)) == 4


def test_an_update_that_float16_skips_is_no_divergence(digits: Path, tmp_path: Path) -> None:
    """Noise of 20 makes the first scaled gradients overflow: they are not logged, the weights stay, and training goes on."""
    run = train(
        digits, tmp_path / "run", "precision=float16", "instance_noise={stddev: 20, steps: 1000}", "discriminator_batch=joint"
    )
    variables = saved_variables(run, 4)
    skipped = [row["step"] for row in rows(run) if "d.gradient_norm" not in row]
    assert skipped and skipped[0] == 1
    assert int(variables["discriminator/optimizer/discriminator_adam/iteration"]) == 4 - len(skipped)
    assert all(np.isfinite(values).all() for values in variables.values())
