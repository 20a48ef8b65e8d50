"""The temporary files of a command: in one folder, which does not outlive it."""

import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from gan_core.temporary import temporary_folder
from tests.support.commands import run_script

pytestmark = pytest.mark.quick

_COMMAND = """
import os, sys, tempfile
from gan_core.command import run_command
def app(standalone_mode):
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


def test_blocks_in_threads_share_a_folder_until_the_last_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    entered, leave = Barrier(2), Event()

    def inside() -> str:
        with temporary_folder():
            entered.wait()
            leave.wait()
            return tempfile.mkdtemp()

    with ThreadPoolExecutor(1) as threads, temporary_folder():
        other = threads.submit(inside)
        entered.wait()
        (own,) = tmp_path.iterdir()
        with temporary_folder():
            assert Path(tempfile.mkdtemp()).parent == own
        leave.set()
        assert Path(other.result()).parent == own
        assert len(list(own.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [] and tempfile.tempdir == str(tmp_path)


def test_a_library_call_leaves_nothing_and_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    killed = start(tmp_path / "tmp")
    assert folder_of(killed).exists()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    call = "import sys; from gan_pipeline import prepare; prepare('mnist', sys.argv[1], source='sample', limit=9, shards=1)"
    done = subprocess.run(
        [sys.executable, "-c", call, str(tmp_path / "out")], env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}, check=False
    )
    assert done.returncode == 0 and (tmp_path / "out" / "manifest.json").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_real_command_leaves_nothing(tmp_path: Path) -> None:
    arguments = ("prepare", "mnist", "--source", "sample", "--limit", "9", "--shards", "2", "--workers", "2")
    (tmp_path / "tmp").mkdir()
    ran = run_script("gan-pipeline", *arguments, "-o", tmp_path / "out", env={"TMPDIR": str(tmp_path / "tmp")})
    assert ran.code == 0, ran.err
    assert list((tmp_path / "tmp").iterdir()) == []
