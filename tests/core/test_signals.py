"""SIGTERM ends both commands with 75 from the first moment on, also as the first process of a container."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support.datasets import GAN_PIPELINE

pytestmark = pytest.mark.quick

GAN_TRAIN = Path(GAN_PIPELINE).with_name("gan-train")
MESSAGE = "interrupted: what was committed is kept; run the same command again to continue\n"


def namespaces_allowed() -> bool:
    """Whether this user may start a process that is number 1 of its own."""
    return subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True).returncode == 0


def first_process(*command: str | Path) -> tuple[subprocess.Popen[str], psutil.Process]:
    """A command as process 1, as in a container, and that process as it is seen from here."""
    outer = subprocess.Popen(
        ["unshare", "--pid", "--fork", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while not (children := psutil.Process(outer.pid).children()):
        assert outer.poll() is None
    return outer, children[0]


def test_process_1_of_prepare_ends_by_sigterm(tmp_path: Path) -> None:
    if not namespaces_allowed():
        pytest.fail("this test needs the right to make process namespaces; run the tests as root or in a container that may")
    command = [GAN_PIPELINE, "prepare", "mnist", "--source", "sample", "--shards", "1000", "-o", str(tmp_path / "out")]
    outer, inner = first_process(*command)
    while len(list(tmp_path.glob("out/*.tfrecord"))) < 3:
        assert outer.poll() is None
    inner.send_signal(signal.SIGTERM)
    _, told = outer.communicate(timeout=60)
    assert outer.returncode == 75 and told.endswith(MESSAGE)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_gan_train_ends_by_sigterm_before_training_begins(tmp_path: Path) -> None:
    """It waits for a recipe that another process writes, long before any handler of the training loop is set."""
    recipe = tmp_path / "recipe.yaml"
    os.mkfifo(recipe)
    command = [GAN_TRAIN, "run", recipe, "--data", tmp_path, "-o", tmp_path / "run"]
    for first in (False, True):
        if first:
            outer, inner = first_process(*command)
        else:
            outer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            inner = psutil.Process(outer.pid)
        # Opening a pipe for writing waits for its reader, which is then inside the command.
        with open(recipe, "wb"):
            inner.send_signal(signal.SIGTERM)
            assert (outer.wait(60), outer.stderr and outer.stderr.read()) == (75, MESSAGE)
