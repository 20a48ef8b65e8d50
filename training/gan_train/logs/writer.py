"""One interface for all that record or show a training: log, curves, diagnosis, report and progress line.

    writer = MultiWriter([MetricsWriter(run, step), TensorBoardWriter(run, step), CurvesWriter(run)])
    writer.write_row({"step": 450, "d.loss": 0.69})
    writer.flush()

As in CLU (Common Loop Utils, https://github.com/google/CommonLoopUtils) the loop writes to one writer, which is composed
of many.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from gan_train.logs.metrics_log import Row


class Writer:
    """Records or shows a training. Methods that a writer does not override do nothing.

    Any method may raise StorageError: the run folder cannot be written.
    """

    def write_start(self, step: int, rollbacks: int) -> None:
        """Take note that an attempt at training begins at a step, after so many rollbacks in the life of the run."""

    def write_checkpoint(self, step: int) -> None:
        """Take note that a checkpoint of a step is committed."""

    def write_row(self, row: Row) -> None:
        """Take the metrics of one step, a later one than all before."""

    def write_picture(self, name: str, step: int, png: bytes) -> None:
        """Take a picture of a step, a PNG file."""

    def write_text(self, name: str, step: int, markdown: str) -> None:
        """Take a text of a step."""

    def write_summary(self) -> None:
        """Replace the files that show the whole run so far, such as losses.png. The loop calls this after each snapshot."""

    def flush(self) -> None:
        """Hand everything to the operating system, so that a killed process loses nothing of it."""

    def close(self) -> None:
        """Flush, and release files and the terminal."""


class MultiWriter(Writer):
    """Passes everything on to several writers, in their order.

    Args:
        writers: the writers. `close` closes all of them, even if one fails.
    """

    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = tuple(writers)

    def write_start(self, step: int, rollbacks: int) -> None:
        for writer in self._writers:
            writer.write_start(step, rollbacks)

    def write_checkpoint(self, step: int) -> None:
        for writer in self._writers:
            writer.write_checkpoint(step)

    def write_row(self, row: Row) -> None:
        for writer in self._writers:
            writer.write_row(row)

    def write_picture(self, name: str, step: int, png: bytes) -> None:
        for writer in self._writers:
            writer.write_picture(name, step, png)

    def write_text(self, name: str, step: int, markdown: str) -> None:
        for writer in self._writers:
            writer.write_text(name, step, markdown)

    def write_summary(self) -> None:
        for writer in self._writers:
            writer.write_summary()

    def flush(self) -> None:
        for writer in self._writers:
            writer.flush()

    def close(self) -> None:
        with ExitStack() as stack:
            for writer in reversed(self._writers):
                stack.callback(writer.close)


class LoggedSteps(MultiWriter):
    """Passes on the rows of logging steps only, and everything else.

    Args:
        is_logged: whether the row of a step is passed on.
        writers: the writers.
    """

    def __init__(self, is_logged: Callable[[int], bool], writers: Sequence[Writer]) -> None:
        super().__init__(writers)
        self._is_logged = is_logged

    def write_row(self, row: Row) -> None:
        if self._is_logged(int(row["step"])):
            super().write_row(row)
