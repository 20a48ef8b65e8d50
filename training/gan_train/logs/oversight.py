"""How a process that trains is watched by the people who operate it. It belongs to the process, and not to the run."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from gan_core.progress import duration
from gan_core.storage import Folder, open_folder
from gan_core.storage.gcs_client import patience
from gan_core.watchdog import HUNG, Watchdog
from gan_train.logs.metrics_log import Row
from gan_train.logs.writer import Writer
from gan_train.runs.layout import HANG

_KEEP_SECONDS = 5.0


@dataclass(frozen=True)
class Oversight:
    """The options by which a process is watched.

    Attributes:
        step_timeout: seconds without a step after which the process ends itself; 0 is never.
        metrics_port: the port at which Prometheus reads the numbers of the training; None is none.
        metrics_file: the file that its textfile collector reads; None is none.
    """

    step_timeout: float = 0.0
    metrics_port: int | None = None
    metrics_file: str | None = None


@contextmanager
def followers(oversight: Oversight, run: Folder, start: int, others: Sequence[Writer]) -> Iterator[tuple[Writer, ...]]:
    """The writers by which a process is watched during the block.

    Args:
        oversight: the options.
        run: the run folder.
        start: the step that training begins at.
        others: further writers, which are open for longer.
    """
    with ExitStack() as stack:
        found = list(others)
        if oversight.step_timeout:
            found.append(stack.enter_context(closing(WatchdogWriter(oversight.step_timeout, run, start))))
        yield tuple(found)


class WatchdogWriter(Writer):
    """Takes each call of the device, at whose end the loop flushes its writers, and each checkpoint for a sign of life.

    So the time that counts is all between them: input, steps, snapshots and scores.

    Args:
        seconds: the longest time between two of them.
        run: the run folder, which gets the stacks.
        start: the step before the first call.
    """

    def __init__(self, seconds: float, run: Folder, start: int) -> None:
        self._seconds, self._uri, self._step = seconds, run.uri, start
        self._watchdog = Watchdog(seconds, self._describe, self._keep).__enter__()

    def write_checkpoint(self, step: int) -> None:
        self._watchdog.sign()

    def write_row(self, row: Row) -> None:
        self._step = int(row["step"])

    def flush(self) -> None:
        self._watchdog.sign()

    def close(self) -> None:
        self._watchdog.close()

    def _describe(self) -> str:
        return (
            f"{self._uri}: no step for {duration(self._seconds)} after step {self._step}; the stacks of all "
            f"threads follow, also in {HANG}: they show what it waited for. Exit code {HUNG}; run the same command again to "
            "continue from the newest checkpoint"
        )

    def _keep(self, text: str) -> None:
        # The folder itself, not its mirror: nobody would upload it any more.
        with patience(_KEEP_SECONDS):
            open_folder(self._uri).write(HANG, text.encode())
