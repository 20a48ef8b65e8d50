"""The frame of both commands: exit codes, Ctrl-C, closed pipes, and the option --json."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from gan_core.errors import GanmillError
from gan_core.names import printable_json
from gan_core.notices import shown
from gan_core.temporary import temporary_folder
from gan_core.text import printable_lines

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def print_json(document: Any) -> None:
    """Print a document as indented JSON on stdout. No character of it can change a terminal."""
    print(printable_json(json.dumps(document, indent=2, ensure_ascii=False)))


def print_text(text: str, error: bool = False) -> None:
    """Print lines for a person to read, on stderr if `error`; names in them may hold anything."""
    print(printable_lines(text), file=sys.stderr if error else sys.stdout)


def run_command(app: Callable[[], object]) -> NoReturn:
    """Run a typer app and exit: a GanmillError or Ctrl-C becomes one line on stderr and an exit code; all else is raised."""
    interrupted = threading.Event()

    def interrupt(number: int, frame: object) -> NoReturn:
        interrupted.set()
        raise KeyboardInterrupt

    # A shell starts background processes with SIGINT ignored; that is kept.
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        with shown(), temporary_folder():
            app()
    except BaseException as error:
        # Typer and Beam replace KeyboardInterrupt by exceptions of their own, so the signal is remembered here.
        if interrupted.is_set():
            print("interrupted: what was committed is kept; run the same command again to continue", file=sys.stderr)
            sys.exit(128 + signal.SIGINT)
        if isinstance(error, GanmillError):
            print_text(f"error: {error}", error=True)
            sys.exit(error.exit_code)
        raise
    finally:
        signal.signal(signal.SIGINT, before)
        _flush_output()
    sys.exit(0)


def _flush_output() -> None:
    """Flush stdout; exit with 1 and without a message if the reader of the pipe has gone, as with `| head`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
