"""A machine's own settings of Keras decide nothing: they are replaced in words, or refused."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from gan_core.errors import UsageError
from gan_train import open_run
from tests.support.commands import run_script
from tests.support.runs import assert_same_checkpoint, gan_train

OPTIONS = ("--set", "batch_size=16", "--set", "precision=float32", "--set", "sample_images=9", "--steps", "2")


@pytest.fixture(scope="module")
def run(points: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of curve-gan under Keras' defaults. Not to be changed."""
    out = tmp_path_factory.mktemp("settings") / "run"
    assert gan_train("run", "curve-gan", "--data", points, "-o", out, *OPTIONS).code == 0
    return out


def test_settings_of_the_machine_change_nothing(run: Path, points: Path, tmp_path: Path) -> None:
    """The same bits, the same saved model, and a warning for each setting that is not used."""
    others = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first", "backend": "torch"}
    (tmp_path / "keras.json").write_text(json.dumps(others))
    environment = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    out = tmp_path / "run"
    ran = run_script("gan-train", "run", "curve-gan", "--data", points, "-o", out, *OPTIONS, env=environment)
    assert ran.code == 0, ran.err
    assert "warning: KERAS_BACKEND 'jax' is not used: ganmill computes with tensorflow\n" in ran.err
    for name in ("floatx 'float16'", "epsilon 0.1", "image_data_format 'channels_first'"):
        assert f"warning: {tmp_path}/keras.json: {name} is not used" in ran.err
    assert "torch" not in ran.err and "I0000" not in ran.err
    assert_same_checkpoint(run, out, 2)
    name = "models/generator-step-00000002.keras"
    ours, theirs = (keras.models.load_model(one / name) for one in (run, out))
    assert ours.inputs[0].dtype == theirs.inputs[0].dtype == "float32"


def test_settings_that_a_program_made_itself_are_refused(run: Path, tmp_path: Path) -> None:
    """They are that program's own, so they are not changed behind its back."""
    keras.config.set_floatx("float16")
    try:
        with pytest.raises(UsageError, match=r"floatx 'float16', not 'float32': call keras.config.set_floatx\('float32'\)"):
            open_run(run).sample(3)
        ran = gan_train("sample", run, "-o", tmp_path / "more.png")
        assert ran.code == 2 and "set_floatx" in ran.err
        assert keras.config.floatx() == "float16"
    finally:
        keras.config.set_floatx("float32")
    assert open_run(run).sample(3).dtype == np.float32
