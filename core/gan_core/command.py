"""The frame of both commands: exit codes, Ctrl-C, closed pipes, and the option --json."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

from gan_core.errors import GanmillError, InterruptedRunError, UsageError
from gan_core.json_lines import JsonStream, json_messages
from gan_core.names import printable_json
from gan_core.notices import print_error, shown
from gan_core.temporary import temporary_folder
from gan_core.text import printable_lines
from gan_core.usage import PARSE_ERROR, help_hint, usage_words

_INTERRUPTIONS: dict[int, int] = {signal.SIGINT: 128 + signal.SIGINT, signal.SIGTERM: InterruptedRunError.exit_code}
"""Signals that end a command, and the exit code of each: schedulers start a command again after that of SIGTERM."""

LOG_FORMAT = "GANMILL_LOG_FORMAT"
"""Environment variable: the form of messages on stderr, where no option says it."""


_AT_ONCE: list[str] = []
"""The reasons for which this process ends without the clean-up of libraries."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

MetricsPortOption = Annotated[
    int | None,
    typer.Option("--metrics-port", min=1, max=65535, metavar="PORT", help="Serve numbers to Prometheus while it runs."),
]
ForecastOption = Annotated[
    bool, typer.Option("--forecast", help="Measure a part, tell how long the whole takes and what it costs, and end.")
]
PriceOption = Annotated[
    float | None,
    typer.Option("--price-per-hour", min=0, metavar="PRICE", help="With --forecast: of all machines, in any currency."),
]
MetricsFileOption = Annotated[
    str | None,
    typer.Option("--metrics-file", metavar="FILE", help="Write them for Prometheus' textfile collector, as x.prom."),
]


def print_json(document: Any) -> None:
    """Print a document as indented JSON on stdout. No character of it can change a terminal."""
    print(printable_json(json.dumps(document, indent=2, ensure_ascii=False)))


def print_text(text: str, error: bool = False) -> None:
    """Print lines for a person to read, on stderr if `error`; names in them may hold anything."""
    print(printable_lines(text), file=sys.stderr if error else sys.stdout)


class LogFormat(StrEnum):
    """The form of the messages on stderr."""

    TEXT = "text"
    JSON = "json"


LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        envvar=LOG_FORMAT,
        help="Messages on stderr: text, or json, an object for each line. Stdout stays as it is.",
    ),
]

_log_formats: list[ExitStack] = []
"""The stack of the command that runs, on which its log format is entered."""


def choose_log_format(chosen: LogFormat, program: str) -> None:
    """Write messages in this form from now on until the command ends; the callback of an app calls it."""
    if chosen is LogFormat.JSON and _log_formats:
        _log_formats[-1].enter_context(json_messages(program))


def end_at_once(reason: str) -> None:
    """Let the command end this process as soon as its output is written, since a library would hold up its end."""
    _AT_ONCE.append(reason)


def run_command(app: Callable[..., object]) -> NoReturn:
    """Run a typer app and exit: an error or a signal becomes one line on stderr and an exit code; what is unforeseen is raised.

    SIGTERM has a handler from the first moment on: the first process of a container would not notice it otherwise.
    """
    try:
        _run(app)
    except SystemExit as ended:
        if _AT_ONCE:
            sys.stderr.flush()
            os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
        raise


def _run(app: Callable[..., object]) -> NoReturn:
    """Run a typer app and leave by SystemExit with its exit code, or by what is unforeseen."""
    received: list[int] = []

    def interrupt(number: int, frame: object) -> NoReturn:
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _INTERRUPTIONS}
    for number, handler in before.items():
        # A shell starts background processes with SIGINT ignored; that is kept.
        if handler in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, interrupt)
    _log_formats.append(ExitStack())
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
            print_error(str(error), error.title)
            sys.exit(error.exit_code)
        if isinstance(error, PARSE_ERROR):
            print_error(f"{usage_words(error)}{help_hint(error)}")
            sys.exit(UsageError.exit_code)
        if isinstance(sys.stderr, JsonStream) and isinstance(error, Exception):
            print_error(traceback.format_exc())
            sys.exit(1)
        raise
    finally:
        _log_formats.pop().close()
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
