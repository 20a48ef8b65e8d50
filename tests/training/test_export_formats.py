"""gan-train export to ONNX and TFLite: files that need neither our code nor TensorFlow, and compute what the run does."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gan_train.exporting import converted, formats
from gan_train.latents.inputs import Inputs
from gan_train.networks.passes import inference_pass
from gan_train.networks.translating import plain_translator
from gan_train.sampling.generator import saved_generator
from gan_train.sampling.snapshots import network_inputs
from gan_train.sampling.translator import saved_translator
from tests.support.runs import gan_train
from tests.training.test_export import DOCS, WITHOUT_US, card_of

WITHOUT_TENSORFLOW = WITHOUT_US.replace('"gan_train")', '"gan_train", "gan_core", "tensorflow", "keras")')

PROGRAM = """
import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter

for name in sys.argv[1:]:
    inputs = dict(np.load(f"{name}.npz"))
    (by_onnx,) = onnxruntime.InferenceSession(f"{name}.onnx").run(None, inputs)
    (by_tflite,) = Interpreter(f"{name}.tflite").get_signature_runner()(**inputs).values()
    np.savez(f"{name}-out.npz", by_onnx=by_onnx, by_tflite=by_tflite)
"""


def without_us(program: str, folder: Path, *arguments: str) -> None:
    """Run a program where neither this package nor TensorFlow can be imported."""
    command = [sys.executable, "-I", "-c", WITHOUT_TENSORFLOW + program, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


Case = tuple[Path, tuple[str, ...], dict[str, NDArray[Any]], Any]
"""A run, options of export, inputs, and the outputs of its own network."""


def latents(size: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).standard_normal((3, size), np.float32)


def images() -> dict[str, NDArray[Any]]:
    return {"images": np.random.default_rng(4).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)}


def told(run: Path) -> Case:
    """Latents and classes."""
    generator, classes = saved_generator(str(run)), np.array([0, 7, 9], np.int32)
    inputs = network_inputs(Inputs(latents(100), classes), generator.recipe.condition)
    expected = inference_pass(generator.network(), inputs)
    return run, (), {"latents": latents(100), "classes": classes}, expected


def coded(run: Path) -> Case:
    """Latents with codes behind them."""
    codes = np.concatenate([latents(62), np.eye(10, dtype=np.float32)[[0, 7, 9]]], axis=1)
    return run, (), {"latents": codes}, saved_generator(str(run)).network()(codes)


def averages(run: Path) -> Case:
    """A translator whose statistics of batches are moving averages."""
    given = images()
    return run, ("--inference", "averages"), given, inference_pass(saved_translator(str(run)).network(), given["images"])


def undropped(run: Path) -> Case:
    """A translator without its dropout."""
    given = images()
    plain = plain_translator(saved_translator(str(run)).network())
    return run, (), given, plain(given["images"], training=False)


def back(run: Path) -> Case:
    """The other translator of two."""
    given, options = images(), ("--direction", "b-to-a", "--inference", "averages")
    expected = inference_pass(saved_translator(str(run), "b-to-a").network(), given["images"])
    return run, options, given, expected


@pytest.mark.parametrize(
    ("run", "case"),
    [
        ("conditional", told),
        ("pix2pix_run", undropped),
        ("cyclegan_run", back),
        # The graphs of these have no other operations.
        pytest.param("infogan", coded, marks=pytest.mark.evidence),
        pytest.param("pix2pix_run", averages, marks=pytest.mark.evidence),
    ],
)
def test_other_runtimes_compute_what_the_run_does(
    run: str, case: Callable[[Path], Case], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The documentation's lines do so for a generator of latents alone."""
    folder, options, inputs, expected = case(request.getfixturevalue(run))
    np.savez(tmp_path / "it.npz", **inputs)
    for ending in ("onnx", "tflite"):
        ran = gan_train("export", folder, "-o", tmp_path / f"it.{ending}", *options)
        assert ran.code == 0, ran.err
        assert 0 <= card_of(tmp_path, f"it.{ending}")["difference"] < 1e-5
    without_us(PROGRAM, tmp_path, "it")
    for way, output in np.load(tmp_path / "it-out.npz").items():
        assert output.dtype == np.float32
        np.testing.assert_allclose(output, expected, atol=1e-5, err_msg=way)


def test_the_lines_of_the_documentation_give_what_sample_gives(trained: Path, tmp_path: Path) -> None:
    for name in ("generator.onnx", "generator.tflite"):
        assert gan_train("export", trained, "-o", tmp_path / name).code == 0
    (lines,) = [block for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "onnxruntime" in block]
    keep = "np.savez('out', latents=latents, by_onnx=by_onnx, by_tflite=by_tflite)\nnp.savez('latents', latents=latents)"
    without_us(lines + keep, tmp_path)
    made = np.load(tmp_path / "out.npz")
    ran = gan_train("sample", trained, "-o", tmp_path / "images", "--latents", tmp_path / "latents.npz")
    assert ran.code == 0, ran.err
    expected = saved_generator(str(trained)).images(Inputs(made["latents"]))
    for way in ("by_onnx", "by_tflite"):
        np.testing.assert_allclose(made[way] * 127.5 + 127.5, expected, atol=0.51, err_msg=way)


def test_an_onnx_file_carries_its_origin(trained: Path, tmp_path: Path) -> None:
    import onnx

    ran = gan_train("export", trained, "-o", tmp_path / "g.onnx", "--step", "3", "--json")
    assert json.loads(ran.out)["format"] == "onnx"
    model = onnx.load(tmp_path / "g.onnx")
    facts = {prop.key: prop.value for prop in model.metadata_props}
    assert (facts["recipe"], facts["step"], facts["run"]) == ("mnist-dcgan", "3", str(trained))
    sizes = [value.type.tensor_type.shape.dim[0].dim_param for value in (*model.graph.input, *model.graph.output)]
    assert sizes == ["n", "n"]


@pytest.mark.parametrize("ending", ["onnx", "tflite"])
def test_a_file_that_computes_something_else_is_not_written(
    ending: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = getattr(converted, f"_run_{ending}")
    monkeypatch.setattr(converted, f"_run_{ending}", lambda content, inputs: run(content, inputs) * np.float32(np.nan))
    ran = gan_train("export", trained, "-o", tmp_path / f"g.{ending}")
    assert (ran.code, "computes something else than the network" in ran.err) == (3, True), ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    for ending, modules in (("onnx", "onnx, onnxruntime, tf2onnx"), ("tflite", "ai_edge_litert")):
        ran = gan_train("export", trained, "-o", tmp_path / f"g.{ending}")
        assert (ran.code, modules in ran.err, f"pip install 'ganmill[{ending}]'" in ran.err) == (2, True, True), ran.err
    assert list(tmp_path.iterdir()) == []
