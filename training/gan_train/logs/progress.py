"""The progress of a training on stderr: a bar on a terminal, plain lines otherwise."""

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from gan_core.notices import say
from gan_train.logs.metrics_log import Row
from gan_train.logs.status_line import seconds_left, status_line
from gan_train.logs.writer import Writer

_PLAIN_SECONDS = 10.0
"""Between two plain lines."""


class ProgressWriter(Writer):
    """Shows the newest row at each flush, with the verdict on the training in a few words.

    Args:
        start: "step" and "elapsed" (seconds) before the first step.
        steps: the last step.
        verdict: gives the verdict at that moment; "" if there is none yet.
    """

    def __init__(self, start: Row, steps: int, verdict: Callable[[], str]) -> None:
        self._start, self._steps, self._verdict = start, steps, verdict
        self._newest, self._shown_at = start, -_PLAIN_SECONDS
        self._bar: Bar | None = None
        if sys.stderr.isatty():
            self._bar = Bar(BarColumn(20), TextColumn("{task.description}"), console=Console(stderr=True))
            self._task = self._bar.add_task("building the first step", total=steps, completed=int(start["step"]))
            self._bar.start()

    def write_row(self, row: Row) -> None:
        self._newest = row

    def flush(self) -> None:
        row, now = self._newest, time.monotonic()
        if row is self._start:
            return
        step = int(row["step"])
        line = status_line(row, self._steps, seconds_left(self._start, row, self._steps), self._verdict())
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=line)
        elif now - self._shown_at >= _PLAIN_SECONDS or step == self._steps:
            self._shown_at = now
            say(line)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
