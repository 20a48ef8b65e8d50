"""gan-train run --track: MLflow and Weights & Biases get the numbers and pictures of the run folder."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from gan_train.logs.trackers import opening
from gan_train.runs import operation
from tests.support.runs import SMALL, gan_train, gan_train_child

OPTIONS = (*SMALL, "--set", "snapshot_every=2", "--set", "checkpoint_every=2")


def logged(run: Path) -> dict[str, dict[int, float]]:
    """The values of each metric by step."""
    values: dict[str, dict[int, float]] = {}
    for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()):
        for name, value in row.items():
            if name != "step":
                values.setdefault(name, {})[row["step"]] = value
    return values


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which MLflow keeps its runs."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path / 'store'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return tmp_path / "store"


def test_mlflow_gets_every_number_and_picture_and_a_resumed_run_goes_on(digits: Path, store: Path, tmp_path: Path) -> None:
    run = tmp_path / "first"
    for steps in ("2", "4"):
        options = (*OPTIONS, "--steps", steps, "--track", "mlflow")
        ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", run, *options)
        assert ran.code == 0, ran.err
        assert "--track" not in ran.err
    from mlflow import MlflowClient

    client = MlflowClient()
    experiment = client.get_experiment_by_name("ganmill")
    (tracked,) = client.search_runs([experiment.experiment_id])
    assert json.loads((run / "trackers.json").read_text()) == {"mlflow": tracked.info.run_id}
    assert (tracked.info.run_name, tracked.info.status) == ("first", "FINISHED")
    assert tracked.data.params["batch_size"] == "16" and tracked.data.params["generator.optimizer.learning_rate"] == "0.0002"
    for name, values in logged(run).items():
        history = {metric.step: metric.value for metric in client.get_metric_history(tracked.info.run_id, name)}
        assert history == values, name
    images = [Path(artifact.path).name for artifact in client.list_artifacts(tracked.info.run_id, "images")]
    pictures = sorted(name.split("+timestamp")[0] for name in images if name.endswith(".png"))
    assert pictures == ["reals+step+0", "samples+step+2", "samples+step+4"]


STOP_AT_FIRST_FLUSH = """
import os, signal
from gan_train.logs.trackers.mlflow import MlflowWriter
flush = MlflowWriter.flush
def flush_and_stop(self):
    flush(self)
    os.kill(os.getpid(), signal.SIGTERM)
MlflowWriter.flush = flush_and_stop
"""


def test_a_run_that_is_cut_short_counts_as_killed(digits: Path, store: Path, tmp_path: Path) -> None:
    options = (*OPTIONS, "--steps", "6", "--track", "mlflow")
    ran = gan_train_child("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / "run", *options, prelude=STOP_AT_FIRST_FLUSH)
    assert ran.code == 75, ran.err
    from mlflow import MlflowClient

    (identity,) = json.loads((tmp_path / "run" / "trackers.json").read_text()).values()
    assert MlflowClient().get_run(identity).info.status == "KILLED"


def test_wandb_offline_keeps_numbers_and_pictures_in_the_run_folder(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = tmp_path / "run"
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", run, *OPTIONS, "--steps", "2", "--track", "wandb")
    assert ran.code == 0, ran.err
    identity = json.loads((run / "trackers.json").read_text())["wandb"]
    (folder,) = (run / "wandb").glob(f"offline-run-*-{identity}")
    names = sorted(path.name.split("_")[0] for path in (folder / "files" / "media" / "images").iterdir())
    assert names == ["reals", "samples"]
    content = (folder / f"run-{identity}.wandb").read_bytes()
    for name, values in logged(run).items():
        assert name.encode() in content, name
        if name.startswith("memory."):
            continue  # W&B writes numbers of ten digits in a form of its own.
        texts = [json.dumps(int(value) if value.is_integer() else value) for value in map(float, values.values())]
        assert all(text.encode() in content for text in texts), name


def test_a_service_that_is_lost_costs_a_warning_and_nothing_else(
    digits: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*arguments: object) -> None:
        raise ConnectionError("no route to the tracker")

    monkeypatch.setattr(opening.MlflowWriter, "flush", lost)
    options = (*OPTIONS, "--steps", "2", "--track", "mlflow")
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / "run", *options)
    assert ran.code == 0, ran.err
    assert ran.err.count("--track mlflow failed (no route to the tracker); the training goes on without it") == 1
    assert len(logged(tmp_path / "run")["g.loss"]) == 2


def test_a_service_that_refuses_at_the_beginning_is_said(
    digits: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_text("in the way")
    options = (*OPTIONS, "--steps", "2", "--track", "mlflow")
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / "run", *options)
    assert (ran.code, "--track mlflow: cannot begin (" in ran.err, "Traceback" in ran.err) == (2, True, False), ran.err
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_tracker_that_is_unknown_or_not_installed_is_said_at_once(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("run", "mnist-dcgan", "--data", digits, "-o", tmp_path / "run")
    ran = gan_train(*arguments, "--track", "neptune")
    assert (ran.code, "choose one of: mlflow, wandb" in ran.err) == (2, True), ran.err
    monkeypatch.setattr(operation, "find_spec", lambda name: None if name == "wandb" else find_spec(name))
    ran = gan_train(*arguments, "--track", "wandb")
    assert (ran.code, "pip install 'ganmill[wandb]'" in ran.err) == (2, True), ran.err
    assert not (tmp_path / "run").exists()


def test_a_damaged_list_of_trackers_is_named(digits: Path, store: Path, trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    (run / "trackers.json").write_text("[]")
    options = (*SMALL, "--set", "snapshot_every=3", "--set", "checkpoint_every=2", "--steps", "7", "--track", "mlflow")
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", run, *options)
    assert (ran.code, "trackers.json" in ran.err) == (3, True), ran.err
