"""Errors a user can act on. Each says what, where and what to do next, and carries the documented exit code."""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from typing import ClassVar, NoReturn


class GanmillError(Exception):
    """Base of all errors that end a command with one message and no traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(GanmillError):
    """The command line or the recipe is wrong."""

    exit_code = 2


class DataError(GanmillError):
    """The data is corrupt, missing, or not what the manifest says."""

    exit_code = 3


class DivergenceError(GanmillError):
    """Training produced a number that is not finite."""

    exit_code = 4


class StorageError(GanmillError):
    """The storage refused: not found, no rights, no space."""

    exit_code = 5


class InterruptedRunError(GanmillError):
    """A signal arrived; everything done so far is committed. The same command continues."""

    exit_code = 75


EXIT_CODES: dict[int, type[GanmillError]] = {
    kind.exit_code: kind for kind in (UsageError, DataError, DivergenceError, StorageError, InterruptedRunError)
}


_MARK = re.compile(r"<ganmill (\d+)>(.*?)</ganmill>", re.DOTALL)


def mark(error: GanmillError) -> str:
    """An error as text that survives a trip through any Beam runner, which pass on messages but not types."""
    return f"<ganmill {error.exit_code}>{error}</ganmill>"


def unmark(text: str) -> GanmillError | None:
    """The first error that `mark` put into a runner's message, or None."""
    found = _MARK.search(text)
    return EXIT_CODES[int(found[1])](found[2]) if found else None


def run_command(app: Callable[[], object]) -> NoReturn:
    """Run a typer app; turn our errors and Ctrl-C into one line on stderr and their exit code."""
    interrupted = threading.Event()

    def interrupt(number: int, frame: object) -> NoReturn:
        interrupted.set()
        raise KeyboardInterrupt

    # A process started in the background ignores SIGINT, and then so do we.
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        app()
    except BaseException as error:
        # Typer and Beam each turn KeyboardInterrupt into an exception of their own.
        if interrupted.is_set():
            print("interrupted: what was committed is kept; run the same command again to continue", file=sys.stderr)
            sys.exit(128 + signal.SIGINT)
        if isinstance(error, GanmillError):
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
        raise
    finally:
        signal.signal(signal.SIGINT, before)
        _flush_output()
    sys.exit(0)


def _flush_output() -> None:
    """Write what is still buffered; if nobody reads any more (`| head`), end with 1 and without Python's complaint."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
