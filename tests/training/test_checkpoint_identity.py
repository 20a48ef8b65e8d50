"""A checkpoint is only continued from where it is whole, and of this step, run and dataset."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.support.commands import Ran
from tests.support.runs import SMALL, gan_train

KEYS = ("--set", "snapshot_every=3", "--set", "checkpoint_every=2")
NEWEST, OLDER = "checkpoints/step-00000006", "checkpoints/step-00000004"


def train_on(run: Path, digits: Path) -> Ran:
    return gan_train("run", "mnist-dcgan", "--data", digits, "-o", run, *SMALL, "--steps", "7", *KEYS)


def flip_a_weight(run: Path) -> None:
    path = run / NEWEST / "variables.safetensors"
    weights = load_file(path)
    name = sorted(weights)[0]
    save_file(weights | {name: weights[name] + np.asarray(1, weights[name].dtype)}, path)


def copy_the_older_one_over(run: Path) -> None:
    shutil.copytree(run / OLDER, run / NEWEST, dirs_exist_ok=True)


def empty_the_commit(run: Path) -> None:
    (run / NEWEST / "COMMIT").write_text("{}")
    flip_a_weight(run)


def lose_the_weights(run: Path) -> None:
    (run / NEWEST / "variables.safetensors").unlink()


def swap_the_sums(run: Path) -> None:
    """Leave out the checksum of the weights, as the first format of COMMIT could not do without."""
    commit = json.loads((run / NEWEST / "COMMIT").read_text())
    (run / NEWEST / "COMMIT").write_text(json.dumps({"state.json": commit["files"]["state"]}))
    flip_a_weight(run)


def edit_the_record(run: Path) -> None:
    path = run / "recipe.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed:  0"))


def take_another_runs(run: Path) -> None:
    """A checkpoint of the same step and dataset, whose run has another recipe.yaml."""
    other = json.loads((run / NEWEST / "COMMIT").read_text())
    (run / NEWEST / "COMMIT").write_text(json.dumps(other | {"run": "0" * 64}))


REMEDY = "remove this folder to continue from the checkpoint before it"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip_a_weight, "damaged (variables.safetensors is not what was committed)"),
        (copy_the_older_one_over, "holds step 4, not step 6: its files were copied here"),
        (empty_the_commit, "COMMIT: damaged (step: is missing)"),
        (swap_the_sums, "COMMIT: damaged (step: is missing)"),
        (lose_the_weights, "damaged (variables.safetensors is missing)"),
        (edit_the_record, "belongs to a run with another recipe.yaml"),
        (take_another_runs, "belongs to a run with another recipe.yaml"),
    ],
)
def test_a_checkpoint_that_is_not_this_one_is_refused(
    damage: Callable[[Path], None], message: str, trained: Path, digits: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    damage(run)
    ran = train_on(run, digits)
    assert ran.code == 3, ran.err
    assert f"{run}/{NEWEST}" in ran.err
    assert message in ran.err and REMEDY in ran.err
    assert "Traceback" not in ran.err


def test_without_the_damaged_checkpoint_the_run_goes_on_from_the_one_before(
    trained: Path, digits: Path, tmp_path: Path
) -> None:
    run, unbroken = tmp_path / "run", tmp_path / "unbroken"
    for place in (run, unbroken):
        shutil.copytree(trained, place)
    shutil.rmtree(run / NEWEST)
    assert train_on(run, digits).code == train_on(unbroken, digits).code == 0
    name = "checkpoints/step-00000007/variables.safetensors"
    assert (run / name).read_bytes() == (unbroken / name).read_bytes()


def test_checkpoints_of_the_first_format_are_continued_from(trained: Path, digits: Path, tmp_path: Path) -> None:
    """Before, COMMIT held the checksums of the two files and nothing else."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    for path in run.glob("checkpoints/*/COMMIT"):
        files = json.loads(path.read_text())["files"]
        path.write_text(json.dumps({"variables.safetensors": files["variables"], "state.json": files["state"]}))
    ran = train_on(run, digits)
    assert ran.code == 0, ran.err
    copy_the_older_one_over(run)
    shutil.rmtree(run / "checkpoints/step-00000007")
    ran = train_on(run, digits)
    assert ran.code == 3 and "holds step 4, not step 6" in ran.err
