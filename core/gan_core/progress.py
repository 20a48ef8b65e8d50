"""How far a command over many files has come. A bar on a terminal, plain lines otherwise; all on stderr."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gan_core.notices import is_shown, say

_PLAIN_SECONDS = 10.0


class Counting:
    """Counts what is done; see `counting`.

    Args:
        total: of them.
        what: they are, in the plural.
    """

    def __init__(self, total: int, what: str) -> None:
        self._total, self._what = total, what
        self._done, self._began = 0, time.monotonic()
        self._told = self._began

    def done(self, count: int = 1) -> None:
        """So many more."""
        self._done += count
        now = time.monotonic()
        if now - self._told >= _PLAIN_SECONDS:
            self._told = now
            self.show(count_line(self._done, self._total, self._what, now - self._began))

    def show(self, line: str) -> None:
        """Tell how far it has come."""
        say(line)


class _Bar(Counting):
    """The same on a terminal."""

    def __init__(self, total: int, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__(total, what)
        columns = (BarColumn(20), TextColumn("{task.description}"))
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self.bar.add_task("starting", total=total)

    def done(self, count: int = 1) -> None:
        self._done += count
        line = count_line(self._done, self._total, self._what, time.monotonic() - self._began)
        self.bar.update(self._task, completed=self._done, description=line)

    def show(self, line: str) -> None:
        self.bar.console.print(line, markup=False, highlight=False)


@contextmanager
def counting(total: int, what: str) -> Iterator[Counting]:
    """Show how many of `total` are done while the block runs; `what` they are, in the plural."""
    if not (is_shown() and sys.stderr.isatty()):
        yield Counting(total, what)
        return
    counted = _Bar(total, what)
    with counted.bar:
        yield counted


def count_line(done: int, total: int, what: str, seconds: float) -> str:
    """How far it has come, how fast, and how long the rest takes, after `done` in that many seconds; at least one."""
    rate = done / seconds if seconds else 0.0
    when = f"{duration(seconds / done * (total - done))} left" if done < total else f"{duration(seconds)} taken"
    return f"{done:,}/{total:,} {what} | {rate:,.1f} {what}/s | {when}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
