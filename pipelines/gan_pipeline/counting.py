"""Progress of a command that reads a known number of things itself."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gan_pipeline.progress import clock

_PLAIN_SECONDS = 60.0


@contextmanager
def counted(title: str, things: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of `total` are done, how many a second and the time left while the block runs.

    A bar on a terminal; otherwise a plain line once a minute, and none if it takes less.

    Yields:
        A function to call with how many more are done.
    """
    if sys.stderr.isatty():
        with _bar(title, things, total) as advance:
            yield advance
    else:
        yield Lines(title, things, total)


@contextmanager
def _bar(title: str, things: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    started, done = time.monotonic(), 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, note="")

        def advance(count: int) -> None:
            nonlocal done
            done += count
            bar.update(task, completed=done, note=line(things, done, total, time.monotonic() - started))

        yield advance


class Lines:
    """Plain lines on stderr, one a minute."""

    def __init__(self, title: str, things: str, total: int, seconds: Callable[[], float] = time.monotonic) -> None:
        self._title, self._things, self._total, self._seconds = title, things, total, seconds
        self._done, self._started = 0, seconds()
        self._last = self._started

    def __call__(self, count: int) -> None:
        self._done += count
        now = self._seconds()
        if now - self._last >= _PLAIN_SECONDS:
            self._last = now
            print(f"{self._title}: {line(self._things, self._done, self._total, now - self._started)}", file=sys.stderr)


def line(things: str, done: int, total: int, seconds: float) -> str:
    """How far it has come after so many seconds."""
    rate = done / max(seconds, 1e-9)
    left = f"{clock((total - done) / rate)} left" if done < total else f"{clock(seconds)} taken"
    return f"{done:,}/{total:,} {things}, {rate:,.0f} {things}/s, {left}"
