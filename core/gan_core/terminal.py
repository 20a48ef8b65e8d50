"""Pictures that are drawn again in place on a terminal, and stay whole when its size changes."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from gan_core.bar import ProgressView


class LiveView:
    """Draws a picture over the one before. Where the terminal became narrower, it begins below the old picture instead.

    A narrower terminal breaks the old picture's lines, and nobody can know into how many: drawing over them would leave parts
    of them, or remove lines that are not ours.
    """

    def __init__(self, console: Console, transient: bool = False) -> None:
        self._console, self._transient = console, transient
        self._width, self._live = console.width, self._start()

    def show(self, picture: RenderableType) -> None:
        """Draw a picture."""
        width = self._console.width
        if width < self._width:
            self._live.transient = False
            self._live.stop()
            self._live = self._start()
        self._width = width
        self._live.update(picture, refresh=True)

    def close(self) -> None:
        """Leave the last picture, or remove it if it is transient."""
        self._live.stop()

    def _start(self) -> Live:
        live = Live(console=self._console, auto_refresh=False, transient=self._transient, vertical_overflow="visible")
        live.start()
        return live


@contextmanager
def live(console: Console) -> Iterator[Callable[[RenderableType], None]]:
    """Give a function that draws a picture over the one before while the block runs; the last one stays."""
    view = LiveView(console)
    try:
        yield view.show
    finally:
        view.close()


class Terminal:
    """The bar of a command on a terminal, with lines that stay above it.

    Args:
        stream: of the terminal.
        transient: whether the bar disappears at the end.
        seconds: the least time between two drawings; what comes in between is drawn with the next, or at the end.
    """

    def __init__(self, stream: TextIO, transient: bool, seconds: float) -> None:
        self._console = Console(file=stream)
        self._view = LiveView(self._console, transient)
        self._seconds, self._drawn_at = seconds, -seconds
        self._waiting: ProgressView | None = None

    def show(self, completed: int, total: int, head: Sequence[str], rest: Sequence[str] = ()) -> None:
        """Show how far the work has come."""
        self._waiting = ProgressView(completed, total, head, rest)
        if time.monotonic() - self._drawn_at >= self._seconds:
            self._draw()

    def print(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        """Draw what is waiting, and end."""
        self._draw()
        self._view.close()

    def _draw(self) -> None:
        if self._waiting is not None:
            self._view.show(self._waiting)
        self._waiting, self._drawn_at = None, time.monotonic()
