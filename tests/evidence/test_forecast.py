"""Forecasts are within a fifth of what then happens, on a machine that does nothing else."""

import json
import time
from pathlib import Path

import pytest

from tests.support.commands import run_script

pytestmark = pytest.mark.evidence

RUNS = [
    ("mnist-gan", "mnist", "150"),
    ("mnist-dcgan", "mnist", "300"),
    ("fashion-cgan", "mnist", "150"),
    ("curve-gan", "curve", "10000"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assert run_script("gan-pipeline", "prepare", "mnist", "--source", "sample", "-o", folder / "mnist").code == 0
    assert run_script("gan-pipeline", "prepare", "curve", "-o", folder / "curve").code == 0
    return folder


@pytest.mark.parametrize(("recipe", "dataset", "steps"), RUNS)
def test_hours_of_a_training(data: Path, tmp_path: Path, recipe: str, dataset: str, steps: str) -> None:
    command = ("run", recipe, "--data", data / dataset, "-o", tmp_path / "run", "--steps", steps)
    ran = run_script("gan-train", *command, "--forecast", "--json")
    assert ran.code == 0, ran.err
    began = time.monotonic()
    assert run_script("gan-train", *command).code == 0
    assert json.loads(ran.out)["hours"] * 3600 == pytest.approx(time.monotonic() - began, rel=0.2)
