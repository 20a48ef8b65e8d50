"""Sweeps in real processes: what is finished stays, what fails is told, what was stopped or killed goes on bit for bit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gan_train import open_run
from tests.support.reports import copied
from tests.support.runs import SMALL_KEYS, assert_same_checkpoint, gan_train, gan_train_child

SETTINGS = {key: yaml.safe_load(value) for key, _, value in (one.partition("=") for one in SMALL_KEYS)}


def written(folder: Path, data: Path, *, steps: int, **keys: Any) -> Path:
    """The file of a sweep of a small mnist-gan."""
    settings = SETTINGS | {"steps": steps, "snapshot_every": steps, "checkpoint_every": steps}
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump({"recipe": "mnist-gan", "data": str(data), "set": settings} | keys))
    return file


def states(out: str) -> dict[str, str]:
    return {run["name"]: run["state"] for run in json.loads(out)["runs"]}


def identity(run: Path) -> tuple[int, int]:
    """It changes whenever the newest checkpoint of the run is written anew."""
    found = (run / "checkpoints" / "step-00000004" / "COMMIT").stat()
    return found.st_ino, found.st_mtime_ns


def test_a_failure_stops_no_other_run_and_the_same_command_does_the_rest(tmp_path: Path, digits: Path) -> None:
    """A batch of 18 has 9 reals, which two devices cannot share: only the devices of the run can tell, not its recipe."""
    out, devices = tmp_path / "out", ("--", "--strategy", "mirrored", "--logical-cpus", "2")
    even, odd = {"name": "even", "batch_size": 16}, {"name": "odd", "batch_size": 18}
    file = written(tmp_path, digits, steps=4, variants=[odd, even])
    planned = gan_train("sweep", file, "-o", out, "--dry-run", *devices)
    assert planned.code == 0 and "2 runs: 2 new" in planned.out and not out.exists()

    ran = gan_train("sweep", file, "-o", out, "--jobs", "2", *devices)
    assert ran.code == 2, ran.err
    assert "2 runs at a time, each a process" in ran.err and "GB of memory are free" in ran.err
    assert "odd-seed-0   seed 0    failed, exit code 2: " in ran.out and "even-seed-0  seed 0    finished" in ran.out
    assert "2 runs: 1 failed, 1 finished" in ran.out
    assert "odd-seed-0: error: " in ran.err and "even-seed-0: step 4/4" in ran.err
    assert json.loads((out / "even-seed-0" / "status.json").read_text())["state"] == "finished"

    before = identity(out / "even-seed-0")
    file = written(tmp_path, digits, steps=4, variants=[even], seeds=2)
    ran = gan_train("sweep", file, "-o", out, "--json", *devices)
    assert ran.code == 0, ran.err
    assert states(ran.out) == {"even-seed-0": "finished before", "even-seed-1": "finished"}
    assert identity(out / "even-seed-0") == before

    changed = written(tmp_path, digits, steps=4, variants=[even | {"latent_size": 20}], seeds=2)
    refused = gan_train("sweep", changed, "-o", out, *devices)
    assert refused.code == 2 and "made with another recipe (latent_size: 100 -> 20)" in refused.err
    longer = written(tmp_path, digits, steps=5, variants=[even | {"snapshot_every": 4, "checkpoint_every": 4}], seeds=2)
    ran = gan_train("sweep", longer, "-o", out, "--dry-run", "--jobs", "2", "--json")
    assert set(states(ran.out).values()) == {"to continue"}


def started(file: Path, out: Path) -> "subprocess.Popen[str]":
    """A sweep in a process of its own, which Ctrl-C reaches even if it does not reach the tests."""
    command = [sys.executable, "-m", "gan_train", "sweep", os.fspath(file), "-o", os.fspath(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts)


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until_it_trains(process: "subprocess.Popen[str]", name: str) -> list[str]:
    """Read its messages up to the first step of a run."""
    assert process.stderr
    told = []
    for line in process.stderr:
        told.append(line)
        if line.startswith(f"{name}: step "):
            return told
    pytest.fail("".join(told))


def test_stopped_and_killed_it_goes_on_and_ends_with_the_same_bits(tmp_path: Path, digits: Path) -> None:
    out, run = tmp_path / "out", tmp_path / "out" / "mnist-gan-seed-3"
    file = written(tmp_path, digits, steps=1000, seeds=[3])

    ended = started(file, out)
    until_it_trains(ended, run.name)
    ended.terminate()
    _, told = ended.communicate()
    assert ended.returncode == 75, told
    assert "SIGTERM: 1 of 1 runs are left; the same command continues" in told
    first = json.loads((run / "status.json").read_text())
    assert first["state"] == "interrupted"

    ended = started(file, out)
    until_it_trains(ended, run.name)
    refused = gan_train("sweep", file, "-o", out)
    assert refused.code == 2 and "another sweep is at work here" in refused.err
    ended.send_signal(signal.SIGINT)
    _, told = ended.communicate()
    assert ended.returncode == 130, told
    second = json.loads((run / "status.json").read_text())
    assert second["state"] == "interrupted" and second["step"] > first["step"]

    ended = started(file, out)
    until_it_trains(ended, run.name)
    ended.kill()
    ended.communicate()
    # The run that it left behind notices, and stops; the same command waits for that.
    ran = gan_train("sweep", file, "-o", out, "--json")
    assert ran.code == 0, ran.err
    assert states(ran.out) == {run.name: "finished"}

    whole = tmp_path / "whole"
    document = yaml.safe_load(file.read_text())
    settings = [part for key, value in document["set"].items() for part in ("--set", f"{key}={json.dumps(value)}")]
    assert gan_train_child("run", "mnist-gan", "--data", digits, "-o", whole, *settings, "--set", "seed=3").code == 0
    assert_same_checkpoint(run, whole, 1000)


def test_what_no_run_could_be_trained_with_is_refused_before_the_first(tmp_path: Path, digits: Path, points: Path) -> None:
    out = tmp_path / "out"
    for data, code, words in ((points, 2, "its records hold point, and no image"), (tmp_path, 3, "manifest.json")):
        ran = gan_train("sweep", written(tmp_path, data, steps=4), "-o", out)
        assert (ran.code, words in ran.err) == (code, True), ran.err
    file = written(tmp_path, digits, steps=4)
    (out / "mnist-gan-seed-0").mkdir(parents=True)
    (out / "mnist-gan-seed-0" / "notes.txt").write_text("mine")
    ran = gan_train("sweep", file, "-o", out)
    assert ran.code == 2 and "holds other files (notes.txt)" in ran.err


def test_a_run_folder_is_no_place_for_a_sweep(tmp_path: Path, digits: Path, trained: Path) -> None:
    ran = gan_train("sweep", written(tmp_path, digits, steps=4), "-o", trained, "--dry-run")
    assert ran.code == 2 and "is a run folder itself" in ran.err


def test_a_run_is_repeated_by_its_own_record(tmp_path: Path, digits: Path, trained: Path) -> None:
    """Its own seed, 0, is left out; recipe, steps and dataset are those of the run, whatever its packaged recipe says."""
    run = copied(trained, tmp_path / "first")
    printed = gan_train("repeat", run, "--seeds", "0-1", "--print")
    assert printed.out.splitlines() == [
        f"gan-train run {run}/recipe.yaml --data {digits} -o {tmp_path}/first-seed-1 --set seed=1"
    ]
    ran = gan_train("repeat", run, "--seeds", "0-1", "--json")
    assert ran.code == 0, ran.err
    assert states(ran.out) == {"first-seed-1": "finished"}
    again = tmp_path / "first-seed-1"
    one, other = (open_run(folder).recipe for folder in (run, again))
    assert other == one.model_copy(update={"seed": 1})
    compared = json.loads(gan_train("compare", tmp_path, "-o", tmp_path / "page.html", "--json").out)
    assert [(one["variant"], one["seed"]) for one in compared["runs"]] == [("first", 0), ("first", 1)]
    ran = gan_train("repeat", run, "--seeds", "1", "--json")
    assert states(ran.out) == {"first-seed-1": "finished before"}


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ("0", "itself has seed 0; name others"),
        ("4-1", "--seeds '4-1': write different seeds such as 1-4 or 1,5,7"),
        ("1,1", "write different seeds"),
        ("1-5000", "at most 1000"),
        ("a", "write different seeds"),
        ("4294967296", "each up to 4294967295"),
        ("-1", "write different seeds"),
        ("9" * 5000, "write different seeds"),
    ],
)
def test_wrong_seeds_are_refused(trained: Path, seeds: str, words: str) -> None:
    ran = gan_train("repeat", trained, f"--seeds={seeds}", "--dry-run")
    assert (ran.code, words in ran.err, len(ran.err) < 1000) == (2, True, True), ran.err


def test_another_dataset_is_no_repetition(trained: Path, points: Path, held_out_digits: Path) -> None:
    """A dataset of other content would make another run of it."""
    for data in (points, held_out_digits):
        ran = gan_train("repeat", trained, "--seeds", "1", "--data", data, "--dry-run")
        assert (ran.code, f"and {trained} learned from dataset" in ran.err) == (2, True), ran.err
