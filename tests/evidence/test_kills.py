"""Fifty kills of real `gan-train run` processes at random moments of their training. Ten to thirty minutes."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gan_pipeline.storage import open_folder
from gan_train.checkpoint import committed_steps, restore_checkpoint
from tests.training.helpers import SMALL, assert_same_checkpoint, build, prepare_digits, small_recipe

KILLS, STEPS = 50, 2400

pytestmark = pytest.mark.evidence


def start(digits: Path, out: Path) -> subprocess.Popen[bytes]:
    """A run that saves every other step, so that much of its time goes into checkpoints."""
    command = [Path(sys.executable).with_name("gan-train"), "run", "mnist-gan", "--data", digits, "-o", out, *SMALL]
    keys = ("--set", "checkpoint_every=2", "--set", f"snapshot_every={STEPS}", "--steps", str(STEPS))
    return subprocess.Popen([*map(str, command), *keys], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for_training(process: subprocess.Popen[bytes], out: Path) -> bool:
    """Wait until the process has committed a checkpoint of its own; False if it ended before."""
    seen: set[int] = set()
    while process.poll() is None:
        status = json.loads((out / "status.json").read_text()) if (out / "status.json").exists() else {}
        if status.get("pid") == process.pid:
            seen.add(status["step"])
        if len(seen) > 1:
            return True
        time.sleep(0.01)
    return False


def interrupted_writes(out: Path) -> tuple[bool, bool]:
    """Whether a kill left a temporary file, and whether it left a checkpoint without its commit."""
    folders = [path for path in (out / "checkpoints").iterdir() if path.is_dir()]
    return bool(list((out / ".work").glob("*.tmp"))), any(not (folder / "COMMIT").exists() for folder in folders)


def test_fifty_kills_and_the_same_bits(tmp_path: Path) -> None:
    digits, whole, out = prepare_digits(tmp_path / "digits"), tmp_path / "whole", tmp_path / "run"
    unbroken = start(digits, whole)
    assert unbroken.wait() == 0
    system, chance = build(small_recipe("mnist-gan"))[0], random.Random(50)
    kills = amid_file = amid_checkpoint = 0
    while kills < KILLS:
        process = start(digits, out)
        assert wait_for_training(process, out), process.communicate()[1]
        time.sleep(chance.uniform(0, 0.6))
        process.kill()
        process.wait()
        kills += 1
        file, checkpoint = interrupted_writes(out)
        amid_file, amid_checkpoint = amid_file + file, amid_checkpoint + checkpoint
        steps = committed_steps(open_folder(out))
        assert steps and steps[-1] < STEPS
        # Reads all of it and checks its sums.
        for step in steps:
            restore_checkpoint(open_folder(out), system, step)
    last = start(digits, out)
    assert last.wait() == 0, last.communicate()[1]
    print(f"\n{kills} kills, {amid_file} while a file was written, {amid_checkpoint} amid a checkpoint's files")
    assert amid_file + amid_checkpoint >= 5
    assert_same_checkpoint(whole, out, STEPS)
