"""Dropout of the generator, and dropout kept in sampling: for the discriminator, in the pictures, in the saved file."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from gan_train.networks.layers import inference_pass, keeps_dropout, plain_copy, sampling_copy, training_pass
from gan_train.numerics.randomness import picture_draw
from gan_train.testing import build
from tests.support.probes import draw_of, look, reals
from tests.support.runs import SMALL, gan_train, small_recipe

KEPT = ("generator.dropout=0.5", "generator.dropout_in_sampling=true")
LATENTS = np.random.default_rng(0).standard_normal((6, 50), np.float32)


def generator(*overrides: str) -> keras.Model:
    return build(small_recipe("mnist-dcgan", *overrides))[0].generator


def test_dropout_is_for_training_unless_it_is_kept() -> None:
    plain, dropping, keeping = generator(), generator(KEPT[0]), generator(*KEPT)
    images = inference_pass(plain, LATENTS).numpy()
    np.testing.assert_array_equal(inference_pass(dropping, LATENTS).numpy(), images)
    trained = [training_pass(dropping, LATENTS, draw_of(step), update_statistics=False).numpy() for step in (0, 0, 1)]
    np.testing.assert_array_equal(trained[0], trained[1])
    assert np.abs(trained[0] - trained[2]).max() > 1e-3
    kept = [inference_pass(keeping, LATENTS, picture_draw(seed)).numpy() for seed in (3, 3, 4)]
    np.testing.assert_array_equal(kept[0], kept[1])
    assert np.abs(kept[0] - kept[2]).max() > 1e-4 and np.abs(kept[0] - images).max() > 1e-4
    assert keeps_dropout(keeping) and not keeps_dropout(dropping)
    with pytest.raises(RuntimeError, match="up_1_dropout drops in sampling too"):
        inference_pass(keeping, LATENTS)


def test_the_discriminator_is_shown_fakes_with_the_dropout_that_is_kept() -> None:
    """With the moving averages all the same: a single training flag could not express that."""
    recipe = small_recipe("mnist-dcgan", *KEPT)
    system = build(recipe)[0]
    shown = look(system, "d_fake", reals(recipe)).shown
    draw = draw_of()
    draw.normal(8, 50)
    np.testing.assert_array_equal(shown.images[0], inference_pass(system.generator, shown.latents[0], draw).numpy())
    averages = generator("generator.batch_norm.momentum=0.5")
    assert np.abs(shown.images[0] - inference_pass(averages, shown.latents[0]).numpy()).max() > 1e-4


def test_a_saved_generator_drops_as_keras_does_and_with_us_by_our_numbers(tmp_path: Path) -> None:
    keeping = generator(*KEPT)
    plain_copy(keeping).save(tmp_path / "generator.keras")
    with zipfile.ZipFile(tmp_path / "generator.keras") as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    told = [layer["inbound_nodes"][0]["kwargs"] for layer in layers if layer["class_name"] == "Dropout"]
    assert [kwargs.get("training") for kwargs in told] == [True, True]
    assert not any("gan_train" in (layer["module"] or "") for layer in layers)
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    assert np.abs(loaded(LATENTS) - loaded(LATENTS)).max() > 1e-4
    draws = [picture_draw(1) for _ in range(2)]
    ours, restored = (
        inference_pass(network, LATENTS, draw) for network, draw in zip((keeping, sampling_copy(loaded)), draws, strict=True)
    )
    np.testing.assert_allclose(ours, restored, atol=1e-6)


@pytest.fixture(scope="module")
def kept_run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dropout") / "run"
    keys = [
        part
        for key in (*KEPT, "snapshot_every=2", "checkpoint_every=2", "average={half_life_images: 40}")
        for part in ("--set", key)
    ]
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, *keys, "--steps", "2")
    assert ran.code == 0, ran.err
    return out


def test_grids_and_samples_keep_dropout_and_are_the_same_each_time(kept_run: Path, tmp_path: Path) -> None:
    """An image follows from its latent alone, dropout and all."""

    def sample(name: str, *options: str) -> dict[str, bytes]:
        ran = gan_train("sample", kept_run, "-o", tmp_path / name, *options)
        assert ran.code == 0, ran.err
        return {path.name: np.asarray(Image.open(path)).tobytes() for path in (tmp_path / name).iterdir()}

    few, many = sample("few", "--count", "2", "--seed", "7"), sample("many", "--count", "4", "--seed", "7")
    assert few.items() <= many.items() and len(set(many.values())) == 4
    assert sample("seven", "--seeds", "3,7")["seed-7.png"] == few["seed-7-00000.png"]
    assert sample("zero", "--zero") == sample("zero-again", "--zero")


def test_to_keep_no_dropout_is_refused() -> None:
    ran = gan_train("show", "mnist-gan", "--set", "generator.dropout_in_sampling=true")
    assert ran.code == 2
    assert "drops nothing" in ran.err and "generator.dropout" in ran.err
