"""gan-train sample and export of a generator that makes points."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_core.storage import open_folder
from gan_train.latents.inputs import Inputs
from gan_train.networks.curve import build_generator
from gan_train.recipe.curve import CurveRecipe
from gan_train.recipe.practice_config import LatentConfig
from gan_train.runs.run_folder import write_record
from gan_train.sampling.snapshots import write_model
from gan_train.tools.latent_options import draw_latents
from gan_train.tools.points import points_csv
from tests.support.runs import gan_train
from tests.training.test_export import card_of

RECIPE = {
    "name": "curve",
    "about": "points",
    "system": "curve",
    "latent_size": 5,
    "generator": {"optimizer": {"learning_rate": 0.001, "beta_1": 0.9}},
    "discriminator": {"optimizer": {"learning_rate": 0.001, "beta_1": 0.9}},
    "batch_size": 16,
    "steps": 1,
    "snapshot_every": 1,
    "checkpoint_every": 1,
}


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with the generator that it begins with."""
    path, recipe = tmp_path_factory.mktemp("curve") / "run", CurveRecipe.model_validate(RECIPE)
    write_record(open_folder(str(path)), recipe, "data", "0" * 64)
    generator = build_generator(recipe.generator, recipe.latent_size, recipe.point.coordinates, seed=3)
    write_model(open_folder(str(path)), "generator", generator, 1)
    return path


def test_a_table_holds_each_point_in_full(curve: Path, tmp_path: Path) -> None:
    ran = gan_train("sample", curve, "-o", tmp_path / "points.csv", "--seed", "3", "--count", "40", "--json")
    assert (ran.code, json.loads(ran.out)["points"]) == (0, 40), ran.err
    assert (tmp_path / "points.csv").read_text().startswith("x,y\n")
    table = np.loadtxt(tmp_path / "points.csv", np.float32, delimiter=",", skiprows=1)
    network = keras.models.load_model(curve / "models" / "generator-step-00000001.keras")
    np.testing.assert_array_equal(table, network(draw_latents(LatentConfig(), 3, 40, 5), training=False))


def test_a_plot_shows_a_thousand_points_and_says_what_they_are(curve: Path, tmp_path: Path) -> None:
    ran = gan_train("sample", curve, "-o", tmp_path / "points.png")
    assert (ran.code, "1000 points of step 1" in ran.out) == (0, True), ran.err
    plot = Image.open(tmp_path / "points.png")
    assert (plot.text["run"], plot.text["step"]) == (str(curve), "1")
    blue = np.asarray(plot.convert("RGB")).astype(int)
    assert np.count_nonzero((blue[..., 2] > 150) & (blue[..., 0] < 100)) > 100


@pytest.mark.parametrize(("coordinates", "header"), [(1, "x"), (3, "x,y,z"), (4, "x1,x2,x3,x4")])
def test_columns_have_names(coordinates: int, header: str) -> None:
    table = points_csv(np.full((2, coordinates), 0.1, np.float32)).decode().splitlines()
    assert table == [header, *[",".join(["0.100000001"] * coordinates)] * 2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("sample", "RUN", "-o", "folder"),
            "makes points; write a name ending in .png for a plot of them, in .csv for a table",
        ),
        (("sample", "RUN", "-o", "x.png", "--bank", "9"), "makes points, not images"),
        (("sample", "RUN", "-o", "x.png", "--class", "1"), "takes no class and no code"),
        (("codes", "RUN", "-o", "x.png"), "neither codes nor classes"),
        (("interpolate", "RUN", "-o", "x.png"), "makes points, not images"),
        (("arithmetic", "RUN", "1 + 2", "--latents", "LATENTS", "-o", "x.png"), "makes points, not images"),
    ],
)
def test_pictures_of_images_are_refused(
    arguments: tuple[str, ...], words: str, curve: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latents.npz").write_bytes(Inputs(draw_latents(LatentConfig(), 0, 2, 5)).npz())
    places = {"RUN": curve, "LATENTS": tmp_path / "latents.npz"}
    ran = gan_train(*[places.get(word, word) for word in arguments])
    assert (ran.code, words in ran.err) == (2, True), ran.err
    assert [file.name for file in tmp_path.iterdir()] == ["latents.npz"]


def test_an_export_gives_points_and_no_pixels(curve: Path, tmp_path: Path) -> None:
    ran = gan_train("export", curve, "-o", tmp_path / "served")
    assert ran.code == 0, ran.err
    served = tf.saved_model.load(str(tmp_path / "served" / "1"))
    assert list(served.signatures) == ["serving_default"]
    latents = draw_latents(LatentConfig(), 3, 4, 5)
    network = keras.models.load_model(curve / "models" / "generator-step-00000001.keras")
    made = served.signatures["serving_default"](latents=tf.constant(latents))["points"]
    np.testing.assert_allclose(made, network(latents, training=False), rtol=1e-5, atol=1e-6)
    card = card_of(tmp_path / "served" / "1", "saved_model.pb")
    points = {"name": "points", "shape": [None, 2], "dtype": "float32", "range": None, "about": ""}
    assert {name: signature["outputs"] for name, signature in card["signatures"].items()} == {"serving_default": [points]}
    ran = gan_train("export", curve, "-o", tmp_path / "g.keras")
    assert ran.code == 0, ran.err
    assert card_of(tmp_path, "g.keras")["signatures"]["serving_default"]["outputs"] == [points]
