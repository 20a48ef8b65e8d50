"""Killed at any moment and started again, prepare ends with the same bytes as if nothing had happened."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from gan_pipeline.dataset.options import Options
from tests.support.datasets import GAN_PIPELINE, shards, tree
from tests.support.killable import die, finish, start, steps
from tests.support.strides import EVERY_FOURTH_OR_EACH

SHARDS, KILLS = 60, 20
DIGITS = Options(dataset="mnist", source="sample", splits=("train",), limit=10_000, shards=SHARDS)
FEW = DIGITS.changed(limit=20, shards=2)


@pytest.mark.evidence
def test_twenty_kills_at_random_moments(tmp_path: Path) -> None:
    finish(tmp_path / "warm-up", DIGITS)
    began = time.monotonic()
    finish(tmp_path / "whole", DIGITS)
    duration = time.monotonic() - began
    whole, chance = tree(tmp_path / "whole"), random.Random(20)

    kills = among_shards = number = 0
    while kills < KILLS:
        out = tmp_path / str(number)
        while True:
            process = start(out, DIGITS)
            # Once all kills are spent the last folder is finished in peace.
            process.join(chance.uniform(0, duration) if kills < KILLS else None)
            process.kill()
            process.join()
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            kills += 1
            among_shards += 0 < len(shards(out)) < SHARDS
            assert not (out / "manifest.json").exists() or set(whole) <= set(tree(out))
        assert tree(out) == whole
        number += 1
    # Not only before the first shard or after the last.
    assert among_shards >= 3


@EVERY_FOURTH_OR_EACH
def test_every_single_step_is_a_safe_place_to_die(stride: int, tmp_path: Path) -> None:
    done = steps(tmp_path / "whole", FEW, tmp_path / "log")
    whole = tree(tmp_path / "whole")
    assert {"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir"} == set(done)
    for step in range(1, len(done) + 1, stride):
        out = tmp_path / str(step)
        die(out, FEW, step)
        finish(out, FEW)
        assert tree(out) == whole, f"after dying before step {step}, {done[step - 1]}"


@pytest.fixture
def two_workers(tmp_path: Path) -> subprocess.Popen[str]:
    """A run with two worker processes, caught when the first shards are there; started as the leader of its own group."""
    # A test run in the background ignores Ctrl-C, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [GAN_PIPELINE, "prepare", "mnist", "--source", "sample", "--shards", "1000", "--workers", "2"]
    run = subprocess.Popen(
        [*command, "-o", str(tmp_path / "out")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while len(list(tmp_path.glob("out/*.tfrecord"))) < 5:
        assert run.poll() is None
    return run


def test_workers_end_with_a_killed_run(two_workers: subprocess.Popen[str], tmp_path: Path) -> None:
    """Orphans would write beside the next run, and into a folder that it already committed."""
    workers = psutil.Process(two_workers.pid).children(recursive=True)
    assert len(workers) >= 2
    two_workers.kill()
    two_workers.communicate()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    assert len(shards(tmp_path / "out")) < 1000


def test_a_lost_worker_ends_the_run_which_can_be_repeated(two_workers: subprocess.Popen[str], tmp_path: Path) -> None:
    """As when the system kills the largest process because memory has run out."""
    workers = psutil.Process(two_workers.pid).children(recursive=True)
    workers[0].kill()
    _, errors = two_workers.communicate()
    assert two_workers.returncode == 75
    assert "interrupted: a worker process on this machine ended before its work was done, as when memory runs out; " in errors
    assert "Traceback" not in errors
    assert not any(worker.is_running() for worker in workers)
    written = shards(tmp_path / "out")
    assert 0 < len(written) < 1000
    finish(tmp_path / "out", DIGITS.changed(limit=None, shards=1000))
    assert written.items() <= shards(tmp_path / "out").items()


def test_ctrl_c_ends_in_one_line(two_workers: subprocess.Popen[str], tmp_path: Path) -> None:
    os.killpg(two_workers.pid, signal.SIGINT)
    _, errors = two_workers.communicate()
    assert two_workers.returncode == 128 + signal.SIGINT
    told = [line for line in errors.splitlines() if "shards" not in line and not line.startswith("understood: ")]
    assert told == ["interrupted: what was committed is kept; run the same command again to continue"]
    assert len(shards(tmp_path / "out")) < 1000
