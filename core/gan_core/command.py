"""The frame of both commands: exit codes, Ctrl-C, closed pipes, and the option --json."""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from gan_core.errors import GanmillError, InterruptedRunError, UsageError
from gan_core.names import printable_json
from gan_core.notices import shown
from gan_core.temporary import temporary_folder
from gan_core.text import printable_lines
from gan_core.usage import PARSE_ERROR, help_hint, usage_words

_INTERRUPTIONS: dict[int, int] = {signal.SIGINT: 128 + signal.SIGINT, signal.SIGTERM: InterruptedRunError.exit_code}
"""Signals that end a command, and the exit code of each: schedulers start a command again after that of SIGTERM."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def print_json(document: Any) -> None:
    """Print a document as indented JSON on stdout. No character of it can change a terminal."""
    print(printable_json(json.dumps(document, indent=2, ensure_ascii=False)))


def print_text(text: str, error: bool = False) -> None:
    """Print lines for a person to read, on stderr if `error`; names in them may hold anything."""
    print(printable_lines(text), file=sys.stderr if error else sys.stdout)


def run_command(app: Callable[..., object]) -> NoReturn:
    """Run a typer app and exit: an error or a signal becomes one line on stderr and an exit code; what is unforeseen is raised.

    SIGTERM has a handler from the first moment on: the first process of a container would not notice it otherwise.
    """
    received: list[int] = []

    def interrupt(number: int, frame: object) -> NoReturn:
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _INTERRUPTIONS}
    for number, handler in before.items():
        # A shell starts background processes with SIGINT ignored; that is kept.
        if handler in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, interrupt)
    try:
        with shown(), temporary_folder():
            code = app(standalone_mode=False)
        # Typer turns KeyboardInterrupt into this code.
        if received and code == _INTERRUPTIONS[signal.SIGINT]:
            raise KeyboardInterrupt
    except BaseException as error:
        # Beam replaces KeyboardInterrupt by exceptions of its own, so the signal is remembered here.
        if received:
            print("interrupted: what was committed is kept; run the same command again to continue", file=sys.stderr)
            sys.exit(_INTERRUPTIONS[received[0]])
        if isinstance(error, GanmillError):
            print_text(f"{error.title}: {error}", error=True)
            sys.exit(error.exit_code)
        if isinstance(error, PARSE_ERROR):
            print_text(f"error: {usage_words(error)}{help_hint(error)}", error=True)
            sys.exit(UsageError.exit_code)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _flush_output()
    sys.exit(code if isinstance(code, int) else 0)


def _flush_output() -> None:
    """Flush stdout; exit with 1 and without a message if the reader of the pipe has gone, as with `| head`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
