"""The progress of a command on stderr: a bar on a terminal, plain lines elsewhere, and nothing where messages are not shown.

with show_progress(len(files), "images") as progress:     # counts, rate and time left
    for file in files:
        ...
        progress.advance()

with ProgressDisplay(total, plain_seconds=60) as display:  # any facts
    display.update(completed, ProgressLine("3/8 shards", "0:01:02 left", ("50 images/s",)))
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from gan_core.json_lines import Fields
from gan_core.notices import is_shown, say

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines, unless a display says otherwise."""

_REDRAW_SECONDS = 0.1
"""The least time between two drawings of a bar."""


@dataclass(frozen=True)
class ProgressLine:
    """A state of work in progress, in words.

    Attributes:
        done: how far it has come, such as "step 3/10".
        left: the time that it still takes, in words.
        facts: everything else, the most important first.
    """

    done: str
    left: str
    facts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """All of it in one line, with the time left at its end."""
        return " | ".join((self.done, *self.facts, self.left))


class ProgressDisplay:
    """The newest line about work in progress: on a terminal below a bar that fills from 0 to `total`, elsewhere now and then.

    Args:
        total: the number of steps of the whole work.
        completed: the number of steps done before.
        text: what is shown beside the bar until the first update.
        plain_seconds: seconds between two plain lines.
        transient: whether the bar disappears at the end.
    """

    def __init__(
        self,
        total: int,
        completed: int = 0,
        text: str = "starting",
        plain_seconds: float = PLAIN_SECONDS,
        transient: bool = False,
    ) -> None:
        self._plain_seconds, self._printed_at = plain_seconds, time.monotonic()
        self._total, self._terminal = total, None
        if is_shown() and sys.stderr.isatty():
            from gan_core.terminal import Terminal

            self._terminal = Terminal(sys.stderr, transient, _REDRAW_SECONDS)
            self._terminal.show(completed, total, (text,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal is not None:
            self._terminal.close()

    def update(self, completed: int, line: ProgressLine, due: bool = False, fields: Fields | None = None) -> None:
        """Show a new line; where lines are plain only if it is `due`, or if `plain_seconds` have passed since the last one.

        Args:
            completed: the number of steps done.
            line: the words.
            due: see above.
            fields: the numbers of the line by name, for programs that read it.
        """
        now = time.monotonic()
        if self._terminal is not None:
            self._terminal.show(completed, self._total, (line.done, line.left), line.facts)
        elif due or now - self._printed_at >= self._plain_seconds:
            self._printed_at = now
            say(str(line), {"completed": completed, "total": self._total, **(fields or {})})

    def print(self, line: str) -> None:
        """Print a line that stays, above the bar if there is one."""
        if self._terminal is None:
            say(line)
        else:
            self._terminal.print(line)


class ProgressCounter:
    """Counts finished units of work and shows how many there are, how fast they come and how long the rest takes.

    Args:
        display: where the line is shown.
        total: the number of units of the whole work.
        units: what is counted, in the plural: "images".
    """

    def __init__(self, display: ProgressDisplay, total: int, units: str) -> None:
        self._display, self._total, self._units = display, total, units
        self._completed, self._began = 0, time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Add finished units."""
        self._completed += count
        seconds = time.monotonic() - self._began
        self._display.update(self._completed, count_line(self._completed, self._total, self._units, seconds))

    def print(self, line: str) -> None:
        """Print a line that stays."""
        self._display.print(line)


@contextmanager
def show_progress(total: int, units: str) -> Iterator[ProgressCounter]:
    """Show the progress of `total` units, named in the plural, while the block runs. The block advances the counter it gets."""
    with ProgressDisplay(total, transient=True) as display:
        yield ProgressCounter(display, total, units)


def count_line(completed: int, total: int, units: str, seconds: float) -> ProgressLine:
    """The line "30/120 images | 3.0 images/s | 0:00:30 left", for at least one unit completed in that many seconds."""
    rate = completed / seconds if seconds else 0.0
    when = time_left(seconds / completed * (total - completed)) if completed < total else f"{duration(seconds)} taken"
    return ProgressLine(f"{completed:,}/{total:,} {units}", when, (f"{rate:,.1f} {units}/s",))


def time_left(seconds: float | None) -> str:
    """A remaining time in words, such as "0:00:30 left"; None if it is not known."""
    return "time left unknown" if seconds is None else f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """A time in hours, minutes and seconds, such as "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
