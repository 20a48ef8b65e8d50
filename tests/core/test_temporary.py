"""The temporary files of a command: in one folder, which does not outlive it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import run_script

pytestmark = pytest.mark.quick

_COMMAND = """
import os, sys, tempfile
from gan_core.command import run_command
def app():
    tempfile.mkdtemp(prefix="beam-pipeline-temp")
    print(tempfile.gettempdir(), os.environ["TMPDIR"], flush=True)
    sys.stdin.read()
    {end}
run_command(app)
"""


def start(folder: Path, end: str = "pass") -> "subprocess.Popen[str]":
    """A command that makes a temporary folder, tells where, and ends in some way when its stdin is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND.format(end=end)],
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def folder_of(command: "subprocess.Popen[str]") -> Path:
    assert command.stdout
    by_python, by_others = command.stdout.readline().split()
    assert by_python == by_others
    return Path(by_python)


@pytest.mark.parametrize("end", ["pass", "1 / 0", "sys.exit(3)", "raise KeyboardInterrupt"])
def test_nothing_is_left_however_it_ends(tmp_path: Path, end: str) -> None:
    command = start(tmp_path, end)
    own = folder_of(command)
    assert own.parent == tmp_path and own.stat().st_mode & 0o777 == 0o700
    assert [path.name[:18] for path in own.iterdir()] == ["beam-pipeline-temp"]
    command.communicate()
    assert list(tmp_path.iterdir()) == []


def test_the_next_command_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    living, killed = start(tmp_path), start(tmp_path)
    kept, left = folder_of(living), folder_of(killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    elsewhere, mirror = tmp_path / f"ganmill-00000000-{killed.pid}-0123456789ab", tmp_path / "ganmill-run-abc"
    for folder in (elsewhere, mirror):
        folder.mkdir()
        os.utime(folder, (0, 0))
    assert left.exists()
    start(tmp_path).communicate()
    assert set(tmp_path.iterdir()) == {kept, elsewhere, mirror}
    assert any(kept.iterdir())
    living.communicate()
    assert set(tmp_path.iterdir()) == {elsewhere, mirror}


def test_a_real_command_leaves_nothing(tmp_path: Path) -> None:
    arguments = ("prepare", "mnist", "--source", "sample", "--limit", "9", "--shards", "2", "--workers", "2")
    (tmp_path / "tmp").mkdir()
    ran = run_script("gan-pipeline", *arguments, "-o", tmp_path / "out", env={"TMPDIR": str(tmp_path / "tmp")})
    assert ran.code == 0, ran.err
    assert list((tmp_path / "tmp").iterdir()) == []
