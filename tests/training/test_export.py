"""gan-train export: a generator that needs none of our code."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from gan_core.names import escape_name
from gan_train import open_run
from gan_train.exporting.generator import ExportedGenerator
from gan_train.latents.inputs import Inputs
from gan_train.recipe.gan import GANRecipe
from gan_train.runs.ancestry import Ancestor
from gan_train.sampling.generator import SavedGenerator, saved_generator
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
    plain, told, *_ = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
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


def card_of(folder: Path, file: str) -> dict[str, Any]:
    """The card of a file, which the page names too."""
    card: dict[str, Any] = json.loads((folder / "model_card.json").read_text())["exports"][file]
    assert f"## {file}\n" in (folder / "MODEL_CARD.md").read_text().replace("\\", "")
    return card


def test_a_card_says_what_it_is(trained: Path, tmp_path: Path) -> None:
    ran = gan_train("export", trained, "-o", tmp_path / "g.keras", "--step", "3", "--json")
    assert json.loads(ran.out)["card"] == str(tmp_path / "MODEL_CARD.md")
    assert json.loads(ran.out)["card_document"] == str(tmp_path / "model_card.json")
    card = card_of(tmp_path, "g.keras")
    record = json.loads((trained / "run.json").read_text())
    assert (card["recipe"], card["step"], card["steps"]) == ("mnist-dcgan", 3, 6)
    assert card["settings"]["batch_size"] == 16 and card["settings"]["name"] == "mnist-dcgan"
    assert card["data"]["digest"] == record["dataset_digest"] and card["data"]["name"] == "mnist"
    assert card["data"]["terms"].startswith("Creative Commons Attribution-ShareAlike 3.0")
    assert card["data"]["examples"] == {"train": 300}
    assert card["trained_with"] == record["packages"] and card["verdict"]["kind"] == "warming-up"
    signature = card["signatures"]["serving_default"]
    assert signature["inputs"] == [
        {"name": "latents", "shape": [None, 50], "dtype": "float32", "range": None, "about": "N(0, 1)"}
    ]
    assert signature["outputs"] == [
        {"name": "images", "shape": [None, 28, 28, 1], "dtype": "float32", "range": [-1.0, 1.0], "about": ""}
    ]
    assert (tmp_path / card["picture"]).read_bytes() == (trained / "samples" / "step-00000003.png").read_bytes()
    page = (tmp_path / "MODEL_CARD.md").read_text()
    assert card["first_weights"] == [] and "| first weights | random, of seed" in page
    assert "](g.keras.png)" in page and "No scores: this step was not measured" in page and "Keras 3.6 or later" in page


def test_a_card_has_the_scores_of_its_step_with_protocol_and_caution(trained: Path, digits: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    ran = gan_train("evaluate", run, "--data", digits, "-n", "40", "--step", "3", "--json")
    assert ran.code == 0, ran.err
    (measured,) = json.loads(ran.out)
    for step in ("3", "6"):
        ran = gan_train("export", run, "-o", tmp_path / f"g{step}.keras", "--step", step)
        assert ran.code == 0, ran.err
    (scores,) = card_of(tmp_path, "g3.keras")["scores"]
    assert (scores["values"], scores["protocol"]) == (measured["scores"], measured["protocol"])
    assert card_of(tmp_path, "g6.keras")["scores"] == []
    page = (tmp_path / "MODEL_CARD.md").read_text().replace("\\", "")
    assert f"- FID {measured['scores']['fid']:.4g} (few images)\n" in page
    assert "few images, 40 against 40" in page and page.count("No scores") == 1


def test_a_card_has_the_runs_that_the_first_weights_come_from(trained: Path, tmp_path: Path) -> None:
    """Also after another export into the same folder, which reads the card and writes it again."""
    child, name = tmp_path / "child", "runs/caf\udce9"
    shutil.copytree(trained, child)
    ancestor = Ancestor(name, "celeba-gan", 450, "5d" * 32, "7a" * 32, ("generator",), ("generator",), 12, ())
    record = json.loads((child / "run.json").read_text())
    stored = [asdict(ancestor) | {"run": escape_name(name)}, asdict(ancestor) | {"run": "runs/first", "optimizers": ()}]
    (child / "run.json").write_text(json.dumps(record | {"dataset": escape_name(name), "ancestry": stored}))
    for file in ("g.keras", "caf\udce9.keras", "g.keras"):
        ran = gan_train("export", child, "-o", tmp_path / file)
        assert ran.code == 0, ran.err
    exports = json.loads((tmp_path / "model_card.json").read_text())["exports"]
    assert exports["caf\\xE9.keras"]["picture"] == "caf\\xE9.keras.png"
    nearest, farthest = card_of(tmp_path, "g.keras")["first_weights"]
    assert nearest == {
        "run": "runs/caf\\xE9", "recipe": "celeba-gan", "step": 450, "digest": "5d" * 32, "variables": "7a" * 32,
        "players": ["generator"], "optimizers": ["generator"],
    }  # fmt: skip
    assert farthest["run"] == "runs/first" and card_of(tmp_path, "g.keras")["data"]["folder"] == "runs/caf\\xE9"
    page = (tmp_path / "MODEL_CARD.md").read_text().replace("\\", "")
    assert (
        "| first weights | generator of runs/cafxE9 at step 450 (celeba-gan, digest 5d5d5d5d5d5d); optimizers of generator |"
        in page
    )
    assert "| whose first weights | generator of runs/first at step 450 (celeba-gan, digest 5d5d5d5d5d5d) |" in page


def test_cards_of_a_folder_stand_together_and_a_new_export_replaces_its_own(
    trained: Path, conditional: Path, tmp_path: Path
) -> None:
    for run, name, step in ((trained, "g.keras", "3"), (conditional, "c.keras", "3"), (trained, "g.keras", "6")):
        assert gan_train("export", run, "-o", tmp_path / name, "--step", step).code == 0
    exports = json.loads((tmp_path / "model_card.json").read_text())["exports"]
    assert {name: (card["recipe"], card["step"]) for name, card in exports.items()} == {
        "c.keras": ("fashion-cgan", 3),
        "g.keras": ("mnist-dcgan", 6),
    }


def test_the_card_of_somebody_else_is_not_replaced(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "model_card.json").write_text('{"model_name": "theirs"}')
    ran = gan_train("export", trained, "-o", tmp_path / "g.keras")
    assert (ran.code, "model_card.json" in ran.err, "move it away" in ran.err) == (3, True, True), ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["model_card.json"]


class _OwnExport(ExportedGenerator):
    """The export of a family of recipes that this package does not know."""

    @property
    def facts(self) -> dict[str, str]:
        return super().facts | {"family": "own"}


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
    assert card_of(tmp_path, "g.keras")["facts"]["family"] == "own"
    monkeypatch.setattr(GANRecipe, "exported_generator", None)
    assert "recipe mnist-dcgan cannot be exported" in gan_train("export", trained, "-o", tmp_path / "h.keras").err
    monkeypatch.setattr(GANRecipe, "saved_generator", None)
    refused = gan_train("export", trained, "-o", tmp_path / "h.keras")
    assert refused.code == 2 and "use 'gan-train sample'" in refused.err


def test_a_card_says_what_the_generator_is_told(conditional: Path, infogan: Path, tmp_path: Path) -> None:
    for run in (conditional, infogan):
        ran = gan_train("export", run, "-o", tmp_path / f"{run.name}.keras")
        assert ran.code == 0, ran.err
    card = card_of(tmp_path, "conditional.keras")
    latents, classes = card["signatures"]["serving_default"]["inputs"]
    assert latents["shape"] == [None, 100]
    assert classes | {"about": ""} == {"name": "classes", "shape": [None], "dtype": "int32", "range": [0.0, 9.0], "about": ""}
    assert "7 Sneaker" in classes["about"] and card["data"]["class_names"][7] == "Sneaker"
    (latents,) = card_of(tmp_path, "infogan.keras")["signatures"]["serving_default"]["inputs"]
    assert latents["shape"] == [None, 72]
    assert latents["about"] == "N(0, 1), the first 62; the last 10 numbers: 1 at the code's, 0 at the others"


def test_a_saved_model_on_cloud_storage_is_whole(trained: Path, bucket: str) -> None:
    from gan_core.storage import open_folder

    ran = gan_train("export", trained, "-o", f"{bucket}/served", "--json")
    assert json.loads(ran.out)["out"] == f"{bucket}/served/6"
    folder = open_folder(f"{bucket}/served")
    names = ["MODEL_CARD.md", "fingerprint.pb", "model_card.json", "saved_model.pb", "saved_model.pb.png"]
    variables = ["variables/variables.data-00000-of-00001", "variables/variables.index"]
    assert folder.names() == [f"6/{name}" for name in (*names, *variables)]
    card = json.loads(folder.read("6/model_card.json"))["exports"]["saved_model.pb"]
    images = {name: signature["outputs"][0] for name, signature in card["signatures"].items()}
    assert {name: (tensor["dtype"], tensor["range"]) for name, tensor in images.items()} == {
        "serving_default": ("float32", [-1.0, 1.0]),
        "uint8": ("uint8", [0.0, 255.0]),
    }


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))"
"""No file can grow beyond 20,000 bytes: enough for a card and its picture. Python ignores the signal, so that writing fails as
on a full disk."""


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
        (("-o", "g.keras", "--format", "onnx"), "a file ending in .onnx"),
        (("-o", "g.onnx", "--format", "savedmodel"), ".onnx is onnx's"),
        (("-o", "folder", "--format", "tflite"), "a file ending in .tflite"),
        (("-o", "g.ONNX"), "in lower case, .onnx"),
        (("-o", "g.h5"), "no export has the ending .h5"),
        (("-o", "served.jpg"), "no export has the ending .jpg; write one of: .keras, .onnx, .tflite, or a slash"),
        (("-o", "served.v2", "--format", "savedmodel"), "no export has the ending .v2"),
        (("-o", "g.keras", "--format", "pickle"), "keras, savedmodel, onnx, tflite"),
        (("-o", "g.keras", "--inference", "averages"), "leave --inference out"),
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
