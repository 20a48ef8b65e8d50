"""The picture of work in progress on a terminal, for rich: a bar with how far and how long first, and the rest below it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_WIDEST, _NARROWEST = 40, 5
"""Widths of a bar in characters: it takes no more than the first, and is left out where less than the second remains."""

_SEPARATOR = " | "


@dataclass(frozen=True)
class ProgressView:
    """One row of bar, step and time left; below it the other facts, wrapped between two of them and cut nowhere.

    Attributes:
        completed: steps done.
        total: steps of the whole work.
        head: what is always seen in full, such as "step 3/10" and "0:01:02 left".
        rest: the other facts.
    """

    completed: int
    total: int
    head: Sequence[str]
    rest: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        head = _SEPARATOR.join(self.head)
        room = min(_WIDEST, width - cell_len(head) - 1)
        if room >= _NARROWEST:
            row = Table.grid(padding=(0, 1, 0, 0))
            row.add_column(width=room)
            row.add_column(no_wrap=True)
            row.add_row(ProgressBar(total=self.total or 1, completed=self.completed, width=room), Text(head))
            yield row
        else:
            yield Text(head)
        for line in wrapped(self.rest, width):
            yield Text(line)


def wrapped(facts: Iterable[str], width: int) -> list[str]:
    """Lines of facts, joined by bars, of at most `width` characters each; a fact that is longer alone has a line of its own."""
    lines: list[str] = []
    for fact in facts:
        if lines and cell_len(lines[-1]) + len(_SEPARATOR) + cell_len(fact) <= width:
            lines[-1] += _SEPARATOR + fact
        else:
            lines.append(fact)
    return lines
