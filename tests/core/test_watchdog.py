"""A process without a sign of life ends with an exit code of its own and with its stacks, also where Python stands still."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

WATCHED = """
import os, sys
from pathlib import Path
from gan_core.watchdog import Watchdog

def nothing_comes():
    os.read(os.pipe()[0], 1)

def python_stands_still():
    import ctypes
    # PyDLL keeps the lock of the interpreter during the call.
    ctypes.PyDLL(None).pause()

def keep(text):
    Path(sys.argv[2]).write_text(text)

with Watchdog(0.5, lambda: "no sign", keep) as watchdog:
    watchdog.sign()
    {hang}()
"""


def watched(hang: str, kept: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WATCHED.format(hang=hang), "-", str(kept)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_read_that_never_ends(tmp_path: Path) -> None:
    done = watched("nothing_comes", tmp_path / "stacks")
    assert done.returncode == 124
    assert done.stderr.startswith("error: no sign\n\n") and "in nothing_comes" in done.stderr
    assert (tmp_path / "stacks").read_text().strip() == done.stderr.removeprefix("error: ").strip()


def test_stacks_that_cannot_be_kept_are_on_stderr(tmp_path: Path) -> None:
    done = watched("nothing_comes", tmp_path / "missing" / "stacks")
    assert done.returncode == 124
    assert "in nothing_comes" in done.stderr and "the stacks could not be kept: [Errno 2]" in done.stderr


def test_code_that_lets_no_thread_run(tmp_path: Path) -> None:
    done = watched("python_stands_still", tmp_path / "stacks")
    assert done.returncode == 1 and "Timeout" in done.stderr and "in python_stands_still" in done.stderr


def test_a_process_that_ends_in_time(tmp_path: Path) -> None:
    done = watched("str", tmp_path / "stacks")
    assert (done.returncode, done.stderr) == (0, "")
