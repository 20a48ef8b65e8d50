"""The progress line of a run. A bar on a terminal, plain lines otherwise."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from gan_train.logs.metrics_log import Row
from gan_train.logs.status_line import seconds_left, status_line

_PLAIN_SECONDS = 10.0


class Progress:
    """Shows where a run stands on stderr."""

    @contextmanager
    def showing(self, start: Row, steps: int) -> Iterator[None]:
        """Show updates while the block runs.

        Args:
            start: "step" and "elapsed" before the first step.
            steps: to train to.
        """
        self._start, self._steps, self._shown = start, steps, -_PLAIN_SECONDS
        if not sys.stderr.isatty():
            self._bar: Bar | None = None
            yield
            return
        with Bar(BarColumn(20), TextColumn("{task.description}"), console=Console(stderr=True)) as self._bar:
            self._task = self._bar.add_task("building the first step", total=steps, completed=int(start["step"]))
            yield

    def update(self, row: Row, verdict: str = "") -> None:
        """Say what the last step of a call measured, and how the training stands in a few words."""
        step, now = int(row["step"]), time.monotonic()
        line = status_line(row, self._steps, seconds_left(self._start, row, self._steps), verdict)
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=line)
        elif now - self._shown >= _PLAIN_SECONDS or step == self._steps:
            self._shown = now
            print(line, file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Say something that must not be missed."""
        print(line, file=sys.stderr, flush=True)


class NoProgress(Progress):
    """Shows nothing: of several workers one is enough."""

    @contextmanager
    def showing(self, start: Row, steps: int) -> Iterator[None]:
        yield

    def update(self, row: Row, verdict: str = "") -> None:
        """See the class."""

    def say(self, line: str) -> None:
        """See the class."""
