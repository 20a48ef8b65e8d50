"""The progress line: losses, images/s, input wait and time left. A bar on a terminal, plain lines otherwise."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from gan_train.metrics_log import Row
from gan_train.recipe import Recipe

_PLAIN_SECONDS = 10.0


class Progress:
    """Shows where a run stands on stderr."""

    @contextmanager
    def showing(self, start: int, recipe: Recipe) -> Iterator[None]:
        """Show updates while the block runs."""
        self._start, self._total, self._began, self._shown = start, recipe.steps, time.monotonic(), -_PLAIN_SECONDS
        if not sys.stderr.isatty():
            self._bar: Bar | None = None
            yield
            return
        with Bar(BarColumn(20), TextColumn("{task.description}"), console=Console(stderr=True)) as self._bar:
            self._task = self._bar.add_task("building the first step", total=recipe.steps, completed=start)
            yield

    def update(self, step: int, row: Row) -> None:
        """Say what the last step of a call measured."""
        line = self._line(step, row)
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=line)
        elif time.monotonic() - self._shown >= _PLAIN_SECONDS or step == self._total:
            self._shown = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    def _line(self, step: int, row: Row) -> str:
        losses = " ".join(f"{name.removesuffix('.loss')} {value:.3f}" for name, value in row.items() if name.endswith(".loss"))
        left = (time.monotonic() - self._began) / max(step - self._start, 1) * (self._total - step)
        return (
            f"step {step}/{self._total} | loss {losses} | {row['images_per_second']:,.0f} images/s | "
            f"input wait {row['input_wait']:.1%} | {_duration(left)} left"
        )


class NoProgress(Progress):
    """Shows nothing: of several workers one is enough."""

    @contextmanager
    def showing(self, start: int, recipe: Recipe) -> Iterator[None]:
        yield

    def update(self, step: int, row: Row) -> None:
        """See the class."""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
