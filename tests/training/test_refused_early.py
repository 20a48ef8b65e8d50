"""A wrong command line, a wrong dataset or wrong settings of Keras are refused before TensorFlow is loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import Ran
from tests.support.datasets import run_cli

pytestmark = pytest.mark.quick

HEAVY = ("tensorflow", "keras")
COMMAND = f"""
import atexit, sys
atexit.register(lambda: print("loaded", *(name for name in {HEAVY} if name in sys.modules)))
from gan_train.cli.main import main
main()
"""
"""The command, which prints at its end what it has loaded."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 digits."""
    folder = tmp_path_factory.mktemp("early") / "data"
    ran = run_cli("prepare", "mnist", "--source", "sample", "-o", folder, "--limit", "20", "--shards", "1")
    assert ran.code == 0, ran.err
    return folder


def refused(*arguments: str, **environment: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.stdout == "loaded\n" and "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("mnist-gann", "--data", "{data}"), 2, "unknown recipe 'mnist-gann'"),
        (("mnist-gan", "--data", "{data}", "--set", "batch_sise=8"), 2, "unknown key batch_sise"),
        (("mnist-gan", "--data", "{data}", "--set", "batch_size=7"), 2, "batch_size"),
        (("mnist-gan", "--data", "{data}/nothing"), 3, "nothing"),
        (("cifar10-gan", "--data", "{data}"), 2, "the recipe takes 32x32x3"),
        (("mnist-gan", "--data", "{data}", "--strategy", "fast"), 2, "--strategy 'fast' is unknown"),
        (("mnist-gan", "--data", "{data}", "--strategy", "multiworker"), 2, "TF_CONFIG is not set"),
        (("mnist-gan", "--data", "{data}", "--strategy", "tpu", "--logical-cpus", "2"), 2, "--logical-cpus splits the CPU"),
        (("mnist-gan", "--data", "{data}", "--keep", "some"), 2, "--keep"),
        (("mnist-gan", "--data", "{data}", "--on-failure", "hope"), 2, "--on-failure 'hope' is unknown"),
        (("mnist-gan", "--data", "{data}", "--dry-run", "--strategy", "fast"), 2, "--strategy 'fast' is unknown"),
    ],
)
def test_a_wrong_command_is_refused_without_tensorflow(
    data: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = refused("run", *(part.format(data=data) for part in arguments), "-o", str(tmp_path / "run"))
    assert ran.code == code and words in ran.err, ran.err
    assert not (tmp_path / "run").exists()


def test_a_folder_of_other_files_is_refused_without_tensorflow(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    ran = refused("run", "mnist-gan", "--data", str(data), "-o", str(tmp_path / "run"))
    assert ran.code == 2 and "holds other files (notes.txt)" in ran.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"floatx": "float8"}, "floatx 'float8' is no setting that Keras takes; remove it"),
        ({"image_data_format": "sideways"}, "image_data_format 'sideways' is no setting"),
        ({"epsilon": "small"}, "epsilon 'small' is no setting"),
        ([1, 2], "not a JSON object"),
    ],
)
def test_a_keras_json_on_which_keras_would_fail_is_named(data: Path, tmp_path: Path, content: object, words: str) -> None:
    (tmp_path / "keras.json").write_text(json.dumps(content))
    ran = refused("run", "mnist-gan", "--data", str(data), "-o", str(tmp_path / "run"), KERAS_HOME=str(tmp_path))
    assert ran.code == 2 and f"{tmp_path}/keras.json" in ran.err and words in ran.err, ran.err
