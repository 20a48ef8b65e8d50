"""The job of every night, by a scheduler that repeats it: twice, killed between, with new images in the second night."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.datasets import idx_files
from tests.support.runs import SMALL_KEYS
from tests.support.storage_server import StorageServer, storage_server
from tests.support.waiting import until

pytestmark = pytest.mark.deploy

SCRIPT = Path(__file__).parents[2] / "deploy" / "examples" / "nightly.py"
STEPS = 60
CHANGES = (*SMALL_KEYS, "checkpoint_every=6", "snapshot_every=30", "log_every=6")
AGAIN = (5, 75, -9)
"""The exit codes after which a scheduler starts the job once more; the last one is that of a killed process."""


def start(storage: StorageServer, night: str, cache: Path) -> "subprocess.Popen[str]":
    command = [
        sys.executable,
        SCRIPT,
        "mnist",
        f"{storage.bucket}/digits",
        f"{storage.bucket}/nightly",
        "--recipe",
        "mnist-dcgan",
    ]
    changes = [part for change in CHANGES for part in ("--set", change)]
    environment = {**os.environ, "STORAGE_EMULATOR_HOST": storage.local_url, "GANMILL_RUN_CACHE": str(cache)}
    return subprocess.Popen(
        [*command, "--recipe", "mnist-dcgan", "--steps", str(STEPS), "--count", "200", "--night", night, *changes],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended_or_at_a_checkpoint(process: "subprocess.Popen[str]", storage: StorageServer, night: str) -> bool:
    return process.poll() is not None or any(
        name.endswith("COMMIT") for name in storage.names(f"nightly/runs/{night}/checkpoints/")
    )


def repeated(storage: StorageServer, night: str, cache: Path, kill: bool = False) -> tuple[str, int]:
    """Repeat a night to its end; return its output and the number of starts. `kill` ends the first one at a checkpoint."""
    for attempt in range(1, 4):
        process = start(storage, night, cache)
        if kill and attempt == 1:
            until(partial(ended_or_at_a_checkpoint, process, storage, night), 900, "there is a checkpoint")
            process.kill()
        out, err = process.communicate(timeout=1800)
        if process.returncode not in AGAIN:
            assert process.returncode == 0, err
            return out, attempt
    raise AssertionError(err)


def test_two_nights_with_a_kill_between(tmp_path: Path) -> None:
    with storage_server() as storage:
        storage.put_all("digits", idx_files(300))
        out, attempts = repeated(storage, "first", tmp_path, kill=True)
        assert attempts == 2 and "first: FID " in out and "the best so far" in out
        first = nights(storage)
        assert first["nights"]["first"]["kept"] and first["best"]["run"] == f"{storage.bucket}/nightly/runs/first"

        # The cron job comes once more in the same night: nothing is done.
        before = storage.tree("nightly/")
        out, _ = repeated(storage, "first", tmp_path)
        assert out == "first: already done\n" and storage.tree("nightly/") == before

        # Nothing new in the second night: its data are found, and it trains on from the best run.
        out, _ = repeated(storage, "second", tmp_path)
        second = nights(storage)
        assert second["nights"]["second"]["data"] == first["nights"]["first"]["data"]
        assert not second["nights"]["second"]["new_images"]
        record = json.loads(storage.tree("nightly/runs/second/")["run.json"])
        assert f"{storage.bucket}/nightly/runs/first" in json.dumps(record)

        # New images in the third: another folder; the old one stays, and the scores stay comparable.
        storage.put_all("digits", idx_files(400))
        out, attempts = repeated(storage, "third", tmp_path, kill=True)
        assert attempts == 2
        third = nights(storage)
        assert third["nights"]["third"]["data"] != first["nights"]["first"]["data"] and third["nights"]["third"]["new_images"]
        assert third["reference"] == first["nights"]["first"]["data"]
        scores = {name: night["fid"] for name, night in third["nights"].items()}
        assert third["best"]["fid"] == min(scores.values())
        files = storage.tree("nightly/")
        assert b"<html" in files["report.html"][:200].lower()
        print({name: round(score, 2) for name, score in scores.items()})


def nights(storage: StorageServer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(storage.tree("nightly/")["nights.json"])
    return found
