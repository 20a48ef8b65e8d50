"""Fifty kills of `gan-train run` processes at random moments of their training. Five to twenty minutes."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_train.runs.checkpoint import restore_checkpoint
from gan_train.runs.layout import committed_steps
from gan_train.testing import build
from tests.support.runs import SMALL, assert_same_checkpoint, small_recipe
from tests.support.training_data import prepare_digits
from tests.support.warm import WarmChild, start_warm

KILLS, STEPS = 50, 400
LARGE = "generator.base=[7,7,256]"
"""Makes a checkpoint of 15 MB, whose writing takes a large share of the time."""

pytestmark = pytest.mark.evidence


def start(digits: Path, out: Path) -> WarmChild:
    """A run that saves each step."""
    keys = ("--set", LARGE, "--set", "checkpoint_every=1", "--set", f"snapshot_every={STEPS}", "--steps", str(STEPS))
    return start_warm(("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, *keys))


def wait_for_checkpoint(child: WarmChild, out: Path) -> None:
    """Wait until the process has committed a checkpoint of its own."""
    seen: set[int] = set()
    while len(seen) < 2:
        assert Path(f"/proc/{child.pid}/cmdline").read_bytes(), child.wait().err
        status = json.loads((out / "status.json").read_text()) if (out / "status.json").exists() else {}
        if status.get("pid") == child.pid:
            seen.add(status["step"])
        time.sleep(0.002)


def interrupted_writes(out: Path) -> tuple[bool, bool]:
    """Whether a kill left a temporary file, and whether it left files of a checkpoint without its commit."""
    folders = [folder for folder in (out / "checkpoints").iterdir() if list(folder.iterdir())]
    return bool(list((out / ".work").glob("*.tmp"))), any(not (folder / "COMMIT").exists() for folder in folders)


def test_fifty_kills_and_the_same_bits(tmp_path: Path) -> None:
    digits, whole, out = prepare_digits(tmp_path / "digits"), tmp_path / "whole", tmp_path / "run"
    unbroken = start(digits, whole)
    wait_for_checkpoint(unbroken, whole)
    began = time.monotonic()
    assert unbroken.wait().code == 0
    between_checkpoints = (time.monotonic() - began) / STEPS

    system, chance = build(small_recipe("mnist-gan", LARGE))[0], random.Random(50)
    kills = amid_file = amid_checkpoint = amid_either = 0
    while kills < KILLS:
        child = start(digits, out)
        wait_for_checkpoint(child, out)
        time.sleep(chance.uniform(0, 6 * between_checkpoints))
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait().code == -signal.SIGKILL
        kills += 1
        file, checkpoint = interrupted_writes(out)
        amid_file, amid_checkpoint = amid_file + file, amid_checkpoint + checkpoint
        amid_either += file or checkpoint
        steps = committed_steps(open_folder(out))
        assert steps
        # Reads all of it and checks its sums.
        for step in steps:
            restore_checkpoint(open_folder(out), system, step, read_manifest(open_folder(digits)).digest)
    reached = max(committed_steps(open_folder(out)))
    last = start(digits, out).wait()
    assert last.code == 0, last.err
    print(
        f"\n{kills} kills up to step {reached}, {amid_either} amid a checkpoint: "
        f"{amid_file} in a file, {amid_checkpoint} with some of its files"
    )
    assert amid_either >= 5
    assert_same_checkpoint(whole, out, STEPS)
