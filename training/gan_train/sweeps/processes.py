"""Runs as processes: some at a time, each with its lines on stderr told under its name, none hurt by the end of another."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from gan_core.command import LOG_FORMAT
from gan_core.interruption import Interruption
from gan_core.notices import say
from gan_core.text import printable
from gan_train.sweeps.planning import PlannedRun

_CHILD = "gan_train.cli.child"
"""The module that is gan-train in a process which ends with its parent."""

_POLL_SECONDS = 0.1
_ERROR = "error: "
_LINE_CHARACTERS = 2000


@dataclass(frozen=True)
class Ended:
    """The end of a run's process.

    Attributes:
        code: exit code, or minus the number of the signal that killed it.
        message: the error that it told last, or "".
    """

    code: int
    message: str


class _Child:
    """A run in a process of its own, out of reach of the terminal's Ctrl-C, which the sweep passes on by itself."""

    def __init__(self, run: PlannedRun) -> None:
        self.run = run
        self._message = ""
        command = [sys.executable, "-m", _CHILD, str(os.getpid()), *run.arguments]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # Its lines are read as text here, and told in the form of the sweep.
            env={**os.environ, LOG_FORMAT: "text"},
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ended(self) -> Ended | None:
        """The exit code and the message of the process, or None while it runs."""
        if self._process.poll() is None:
            return None
        self._listener.join()
        return Ended(self._process.returncode, self._message)

    def stop(self) -> None:
        """Ask for a checkpoint and the end."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process now, and wait for that."""
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stderr
        with self._process.stderr as lines:
            while line := lines.readline(_LINE_CHARACTERS):
                text = printable(line.decode(errors="replace").rstrip())
                if text:
                    say(f"{self.run.name}: {text}")
                if text.startswith(_ERROR):
                    self._message = text.removeprefix(_ERROR)


def run_processes(
    runs: Sequence[PlannedRun], jobs: int, caught: Interruption, is_held: Callable[[PlannedRun], bool]
) -> dict[str, Ended]:
    """Train runs, each in a process of its own, until all have ended or an interruption is asked for.

    Args:
        runs: in the order in which they begin.
        jobs: how many at a time.
        caught: once it is requested, no further run begins, and those that train are asked to stop.
        is_held: whether another process trains in the folder of a run; others begin before it.

    Returns:
        The end of each run that began, by its name.
    """
    waiting, children, ended, stopping = list(runs), list[_Child](), dict[str, Ended](), False
    try:
        while children or (waiting and not caught.requested):
            if caught.requested and not stopping:
                stopping = True
                say(f"{caught.name}: {len(children)} running; each commits a checkpoint and stops")
                for child in children:
                    child.stop()
            places = 0 if caught.requested else jobs - len(children)
            for run in list(islice((run for run in waiting if not is_held(run)), places)):
                waiting.remove(run)
                children.append(_Child(run))
            time.sleep(_POLL_SECONDS)
            for child, end in [(child, end) for child in children if (end := child.ended())]:
                children.remove(child)
                ended[child.run.name] = end
    finally:
        # Only a second Ctrl-C or an error leaves any.
        for child in children:
            child.kill()
    return ended
