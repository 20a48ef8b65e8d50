"""A run that trains and one that is watched, read from a pseudo-terminal as a person sees them."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pyte
import pytest

from gan_core.storage import open_folder
from gan_train.recipe.document import load_recipe
from gan_train.runs.layout import METRICS
from gan_train.runs.run_folder import write_record, write_status

pytestmark = pytest.mark.quick

WIDTHS = (60, 80, 120, 160)
ROW = {
    "step": 300,
    "elapsed": 60.0,
    "g.loss": 0.913,
    "d_real.loss": 0.662,
    "d_fake.loss": 0.671,
    "d_real.accuracy": 0.61,
    "d_fake.accuracy": 0.59,
    "images_per_second": 1234.0,
    "input_wait": 0.001,
    "memory.host": 731 * 2**20,
    "stall.checkpoint": 1.0,
    "stall.snapshot": 2.0,
}
TRAINING = f"""
import sys
from gan_core.notices import say, shown
from gan_train.logs.progress import ProgressWriter
row = {ROW!r}
with shown():
    writer = ProgressWriter({{"step": 0, "elapsed": 0.0}}, 1200, lambda: "stable")
    for step in map(int, sys.stdin):
        say(f"a line at step {{step}}")
        writer.write_row(row | {{"step": step, "elapsed": step / 5}})
        writer.flush()
        print(step, file=sys.__stdout__, flush=True)
    writer.close()
"""


class Terminal:
    """A pseudo-terminal, and the screen that somebody sees."""

    def __init__(self, width: int) -> None:
        self._ours, self.theirs = pty.openpty()
        self._screen = pyte.Screen(width, 40)
        self._stream = pyte.ByteStream(self._screen)
        self.resize(width)

    def resize(self, width: int) -> None:
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        self._screen.resize(40, width)

    def read_waiting(self) -> None:
        """Show what was written so far."""
        os.set_blocking(self._ours, False)
        try:
            while written := os.read(self._ours, 65536):
                self._stream.feed(written)
        except BlockingIOError:
            pass

    def close(self) -> list[str]:
        """The lines on the screen that are not empty."""
        self.read_waiting()
        os.close(self.theirs)
        os.close(self._ours)
        return [line.rstrip() for line in self._screen.display if line.strip()]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")} | {"TERM": "xterm-256color"}


def drawn(steps: list[tuple[int, int]]) -> list[str]:
    """The screen after the progress of these steps, each drawn at a width."""
    terminal = Terminal(steps[0][1])
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=terminal.theirs,
        text=True,
    )
    assert process.stdin and process.stdout
    for step, width in steps:
        terminal.read_waiting()
        terminal.resize(width)
        process.stdin.write(f"{step}\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{step}\n"
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()
    return terminal.close()


def facts(lines: list[str]) -> list[str]:
    return [fact.strip() for line in lines for fact in line.split(" | ")]


@pytest.mark.parametrize("width", WIDTHS)
def test_training_shows_bar_step_and_time_first_and_cuts_nothing(width: int) -> None:
    said, head, *rest = drawn([(300, width)])
    assert said == "a line at step 300"
    assert head.startswith("━━━") and head.endswith("step 300/1200 | 0:03:00 left")
    assert max(map(len, rest)) <= width
    assert facts(rest) == [
        "stable",
        "loss g 0.913 d_real 0.662 d_fake 0.671",
        "accuracy d_real 61% d_fake 59%",
        "1,234 images/s",
        "input wait 0.1%",
        "731 MB",
    ]


@pytest.mark.parametrize("widths", [(160, 60), (60, 160), (120, 80)])
def test_training_goes_on_after_the_terminal_was_resized(widths: tuple[int, int]) -> None:
    lines = drawn([(300, widths[0]), (600, widths[1])])
    newest = next(number for number, line in enumerate(lines) if line.endswith("step 600/1200 | 0:02:00 left"))
    assert lines[newest].startswith("━━━")
    assert "731 MB" in facts(lines[newest:]) and "1,234 images/s" in facts(lines[newest:])
    assert [line for line in lines if line.startswith("a line")] == ["a line at step 300", "a line at step 600"]
    assert max(map(len, lines[newest:])) <= widths[1]


@pytest.mark.parametrize("width", WIDTHS)
def test_watch_shows_bar_step_and_time_in_a_row_of_their_own(width: int, tmp_path: Path) -> None:
    run = open_folder(tmp_path)
    write_record(run, load_recipe("mnist-gan"), "mnist", "0" * 64)
    early = ROW | {"step": 100, "elapsed": 20.0}
    run.write(METRICS, "".join(json.dumps(row) + "\n" for row in (early, ROW)).encode())
    write_status(run, "training", 300, 1200)
    terminal = Terminal(width)
    command = [sys.executable, "-m", "gan_train", "watch", str(tmp_path), "--once"]
    ended = subprocess.run(command, env=environment(), stdout=terminal.theirs, stderr=subprocess.PIPE)
    assert (ended.returncode, ended.stderr) == (0, b"")
    lines = terminal.close()
    bar = next(line for line in lines if line.startswith("━━━"))
    assert bar.endswith("step 300/1200 | 0:03:00 left")
    table = " ".join(" ".join(lines[lines.index(bar) + 1 :]).split())
    assert "loss g 0.913 d_real 0.662 d_fake 0.671" in table and "1,234 images/s, input wait 0.1%" in table
    assert "731 MB" in table and max(map(len, lines)) <= width
