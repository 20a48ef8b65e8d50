"""Messages for the person who watches: warnings, and how far the work has come. A library call prints none of them.

    with shown():            # a command does this, or a call with progress=True
        say("waiting for 3 uploads")
        warn("shard left out: train-00002-of-00005.tfrecord is cut off")

They go to Python's logger "ganmill", as INFO and WARNING, so that a notebook or a server can also take them with a handler
of its own. Where nobody asks for them they are dropped.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from gan_core.json_lines import Fields, JsonStream
from gan_core.text import printable_lines

LOGGER = logging.getLogger("ganmill")
LOGGER.setLevel(logging.INFO)
LOGGER.addHandler(logging.NullHandler())
# Beam and others give the root logger a handler that would print every message.
LOGGER.propagate = False

_lock = threading.Lock()
_open_blocks = 0


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes each message as one line to whatever sys.stderr is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(self.stream, JsonStream):
            level = "warning" if record.levelno >= logging.WARNING else "info"
            return self.stream.line(level, record.getMessage(), getattr(record, "fields", {}))
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        return prefix + printable_lines(record.getMessage())


_HANDLER = _Stderr(sys.stderr)


def say(message: str, fields: Fields | None = None) -> None:
    """Report something that needs no action; the fields are its numbers by name, for programs that read the messages."""
    LOGGER.info("%s", message, extra={"fields": fields or {}})


def warn(message: str) -> None:
    """Report something that should not be missed; it is shown after "warning: "."""
    LOGGER.warning("%s", message)


def print_error(message: str, title: str = "error") -> None:
    """Write the message that ends a command to stderr, after a title or as one JSON object."""
    if isinstance(sys.stderr, JsonStream):
        sys.stderr.write(sys.stderr.line("error" if title == "error" else "warning", message, {}) + "\n")
    else:
        print(printable_lines(f"{title}: {message}"), file=sys.stderr)


def is_shown() -> bool:
    """Whether messages appear on stderr now, so that a progress bar may appear there, too."""
    return _open_blocks > 0 and not LOGGER.disabled


@contextmanager
def shown() -> Iterator[None]:
    """Show messages on stderr while the block runs. Blocks may overlap, in one thread or in several."""
    _count(+1)
    try:
        yield
    finally:
        _count(-1)


@contextmanager
def hidden() -> Iterator[None]:
    """Drop all messages of this process while the block runs, also those that are shown around it."""
    LOGGER.disabled = True
    try:
        yield
    finally:
        LOGGER.disabled = False


def _count(change: int) -> None:
    global _open_blocks
    with _lock:
        _open_blocks += change
        # Some libraries give the root logger a handler for stderr, which would show every message twice.
        LOGGER.propagate = not _open_blocks
        if _open_blocks:
            LOGGER.addHandler(_HANDLER)
        else:
            LOGGER.removeHandler(_HANDLER)
