"""gan-train export: a generator that needs none of our code."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml

from gan_train import open_run
from gan_train.latents.inputs import Inputs
from gan_train.recipe.gan import GANRecipe
from gan_train.sampling.generator import SavedGenerator, saved_generator
from gan_train.tools.export_generator import ExportedGenerator
from tests.support.runs import gan_train, gan_train_child

DOCS = Path(__file__).parents[2] / "docs" / "tools.md"

WITHOUT_US = """
import sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("gan_pipeline", "gan_train"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Refusal())
try:
    import gan_train
except ImportError:
    pass
else:
    sys.exit("the guard does not guard")
"""


def test_keras_and_tensorflow_load_it_where_this_package_is_not(trained: Path, conditional: Path, tmp_path: Path) -> None:
    """The documentation's own lines, in a process that cannot import us."""
    for run, file, folder in ((trained, "generator.keras", "served"), (conditional, "clothes.keras", "clothes")):
        for out, form in ((file, "keras"), (folder, "savedmodel")):
            ran = gan_train("export", run, "-o", tmp_path / out, "--format", form)
            assert ran.code == 0, ran.err
    arrays = "latents=latents, by_keras=by_keras, by_tensorflow=by_tensorflow, pixels=pixels"
    plain, told, _ = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    keeping = (plain, f"np.savez('plain', {arrays})", told, f"np.savez('told', classes=classes, {arrays})")
    program = "\n".join((WITHOUT_US, *keeping))
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for run, file in ((trained, "plain.npz"), (conditional, "told.npz")):
        made = np.load(tmp_path / file)
        expected = saved_generator(str(run)).images(Inputs(made["latents"], made.get("classes")))
        for floats in (made["by_keras"], made["by_tensorflow"]):
            assert floats.dtype == np.float32
            np.testing.assert_allclose(floats * 127.5 + 127.5, expected, atol=0.51)
        assert made["pixels"].dtype == np.uint8
        np.testing.assert_allclose(made["pixels"].astype(int), expected.astype(int), atol=1)


def test_a_card_says_what_it_is(trained: Path, bucket: str, tmp_path: Path) -> None:
    ran = gan_train("export", trained, "-o", tmp_path / "g.keras", "--step", "3", "--json")
    assert json.loads(ran.out)["card"] == str(tmp_path / "g.json")
    assert (tmp_path / "g.keras").read_bytes() == (trained / "models" / "generator-step-00000003.keras").read_bytes()
    card = json.loads((tmp_path / "g.json").read_text())
    _, record = yaml.safe_load_all((trained / "recipe.yaml").read_text())
    assert (card["recipe"], card["step"], card["dataset"]) == ("mnist-dcgan", 3, record["dataset_digest"])
    assert card["input"] == {"name": "latents", "shape": [None, 50], "dtype": "float32", "drawn_from": "N(0, 1)"}
    assert card["output"] == {"name": "images", "shape": [None, 28, 28, 1], "dtype": "float32", "range": [-1, 1]}
    assert card["condition"] is None


class _OwnExport(ExportedGenerator):
    """The export of a family of recipes that this package does not know."""

    def card(self, in_keras: bool) -> dict[str, Any]:
        return super().card(in_keras) | {"family": "own"}


class _OwnGenerator(SavedGenerator):
    def sampling_network(self) -> keras.Model:
        network = super().sampling_network()
        network.name = "own"
        return network


def test_a_recipe_names_the_classes_of_its_generator_and_export(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a plug-in of another family needs no edit of ours; without such a class its runs are refused in words."""
    monkeypatch.setattr(GANRecipe, "saved_generator", f"{__name__}:_OwnGenerator")
    monkeypatch.setattr(GANRecipe, "exported_generator", f"{__name__}:_OwnExport")
    assert open_run(trained).generator.name == "own"
    assert gan_train("export", trained, "-o", tmp_path / "g.keras").code == 0
    assert json.loads((tmp_path / "g.json").read_text())["family"] == "own"
    monkeypatch.setattr(GANRecipe, "exported_generator", None)
    assert "recipe mnist-dcgan cannot be exported" in gan_train("export", trained, "-o", tmp_path / "h.keras").err
    monkeypatch.setattr(GANRecipe, "saved_generator", None)
    refused = gan_train("export", trained, "-o", tmp_path / "h.keras")
    assert refused.code == 2 and "use 'gan-train sample'" in refused.err


def test_a_card_says_what_the_generator_is_told(conditional: Path, infogan: Path, tmp_path: Path) -> None:
    for run in (conditional, infogan):
        ran = gan_train("export", run, "-o", tmp_path / f"{run.name}.keras")
        assert ran.code == 0, ran.err
    card = json.loads((tmp_path / "conditional.json").read_text())
    assert card["input"]["shape"] == [None, 100]
    assert card["condition"]["input"] == {"name": "classes", "shape": [None], "dtype": "int32", "range": [0, 9]}
    assert card["condition"]["class_names"][7] == "Sneaker"
    card = json.loads((tmp_path / "infogan.json").read_text())
    assert (card["input"]["shape"], card["input"]["drawn_from"]) == ([None, 72], "N(0, 1), the first 62")
    assert (card["condition"]["kind"], card["condition"]["values"]) == ("code", 10)
    assert card["condition"]["input"].startswith("the last 10 numbers of latents")


def test_a_saved_model_on_cloud_storage_is_whole(trained: Path, bucket: str) -> None:
    from gan_core.storage import open_folder

    ran = gan_train("export", trained, "-o", f"{bucket}/served", "--json")
    assert json.loads(ran.out)["out"] == f"{bucket}/served/6"
    folder = open_folder(f"{bucket}/served")
    names = ["fingerprint.pb", "generator.json", "saved_model.pb", "variables/variables.data-00000-of-00001"]
    assert folder.names() == [f"6/{name}" for name in [*names, "variables/variables.index"]]
    card = json.loads(folder.read("6/generator.json"))
    assert {name: (images["dtype"], images["range"]) for name, images in card["output"].items()} == {
        "serving_default": ("float32", [-1, 1]),
        "uint8": ("uint8", [0, 255]),
    }


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))"
"""No file can grow beyond 5,000 bytes. Python ignores the signal, so that writing fails as on a full disk."""


def test_a_saved_model_for_which_there_is_no_space(trained: Path, tmp_path: Path) -> None:
    ran = gan_train_child("export", trained, "-o", tmp_path / "served", prelude=FULL)
    assert (ran.code, "the model cannot be written" in ran.err, "set TMPDIR" in ran.err) == (5, True, True), ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "served" / "6" / "saved_model.pb").exists()


def test_no_space_for_temporary_files_is_no_damaged_classifier(trained: Path, digits: Path) -> None:
    ran = gan_train_child("evaluate", trained, "--data", digits, "-n", "20", prelude=FULL)
    assert (ran.code, "no space left" in ran.err, "damaged" in ran.err) == (5, True, False), ran.err
    assert "Traceback" not in ran.err


def test_an_export_that_fails_leaves_no_program_to_serve(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "served" / "6").mkdir(parents=True)
    (tmp_path / "served" / "6" / "variables").write_text("in the way")
    ran = gan_train("export", trained, "-o", tmp_path / "served")
    assert (ran.code, "variables" in ran.err) == (5, True), ran.err
    assert not (tmp_path / "served" / "6" / "saved_model.pb").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "served", "--format", "keras"), "ending in .keras"),
        (("-o", "g.keras", "--format", "savedmodel"), "name of a folder"),
        (("-o", "g.keras", "--format", "onnx"), "keras, savedmodel"),
        (("-o", "g.keras", "--step", "5"), "there are: 3, 6"),
        (
            (
                "-o",
                "",
            ),
            "an empty folder name",
        ),
    ],
)
def test_what_cannot_be_exported_is_said(
    arguments: tuple[str, ...], words: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = gan_train("export", trained, *arguments)
    assert (ran.code, words in ran.err, list(tmp_path.iterdir())) == (2, True, []), ran.err
