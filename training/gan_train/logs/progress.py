"""The progress of a training on stderr: a bar on a terminal, plain lines otherwise."""

from collections.abc import Callable
from contextlib import ExitStack

from gan_core.progress import ProgressDisplay
from gan_train.logs.metrics_log import Row
from gan_train.logs.status_line import seconds_left, status_line
from gan_train.logs.writer import Writer


class ProgressWriter(Writer):
    """Shows the newest row at each flush, with the verdict on the training in a few words.

    Args:
        start: "step" and "elapsed" (seconds) before the first step.
        steps: the last step.
        verdict: gives the verdict at that moment; "" if there is none yet.
    """

    def __init__(self, start: Row, steps: int, verdict: Callable[[], str]) -> None:
        self._start, self._steps, self._verdict = start, steps, verdict
        self._newest, self._is_first = start, True
        self._open = ExitStack()
        self._display = self._open.enter_context(ProgressDisplay(steps, int(start["step"]), "building the first step"))

    def write_row(self, row: Row) -> None:
        self._newest = row

    def flush(self) -> None:
        row = self._newest
        if row is self._start:
            return
        step = int(row["step"])
        line = status_line(row, self._steps, seconds_left(self._start, row, self._steps), self._verdict())
        self._display.update(step, line, due=self._is_first or step == self._steps, fields=row)
        self._is_first = False

    def close(self) -> None:
        self._open.close()
