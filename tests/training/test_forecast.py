"""`run --forecast`: from measured steps in a folder of its own, for what is left of a run."""

import json
from pathlib import Path

import pytest

from tests.support.runs import SMALL, gan_train
from tests.support.workers import tf_config


def test_a_forecast_for_the_rest_of_a_run(digits: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ("run", "mnist-dcgan", "--data", digits, "-o", run, *SMALL, "--set", "checkpoint_every=2")
    assert gan_train(*command, "--steps", "4").code == 0
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    sized = ("--steps", "1000", "--set", "snapshot_every=300")
    ran = gan_train(*command, *sized, "--dry-run", "--forecast", "--price-per-hour", "2", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    # The plan stands beside the forecast, and the run is as it was.
    assert found["precision"] == "float32" and found["from_step"] == 4 and found["to_step"] == 1000
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert (found["snapshots"], found["checkpoints"], found["storage_writes"]) == (4, 498, 0)
    seconds = found["start_seconds"] + 996 / found["steps_per_second"]
    seconds += 4 * found["snapshot_seconds"] + 498 * found["checkpoint_seconds"]
    assert found["hours"] == pytest.approx(seconds / 3600, rel=0.01)
    assert found["cost"] == pytest.approx(2 * found["hours"], rel=1e-3)
    assert found["images_per_second_and_device"] == pytest.approx(16 * found["steps_per_second"], rel=1e-3)
    checkpoint = sum(path.stat().st_size for path in (run / "checkpoints" / "step-00000004").iterdir())
    assert found["checkpoint_bytes"] == pytest.approx(checkpoint, rel=0.02)
    assert found["snapshot_bytes"] > 0 and found["memory"] > 100 << 20


def test_what_cannot_be_forecast_is_refused(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / "run", *SMALL)
    ran = gan_train(*command, "--price-per-hour", "1")
    assert ran.code == 2 and "--price-per-hour belongs to --forecast" in ran.err
    monkeypatch.setenv("TF_CONFIG", tf_config(["127.0.0.1:2222", "127.0.0.1:2223"], 0))
    ran = gan_train(*command, "--forecast")
    assert ran.code == 2 and "--forecast measures one machine" in ran.err
