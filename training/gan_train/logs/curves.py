"""losses.png: the losses above, and below the accuracies of real, fake and classes.

A Wasserstein critic has no accuracy (Arjovsky et al. 2017), so its estimate of the distance is shown there. Drawing takes as
long after a million steps as after a thousand.
"""

import io
from collections.abc import Iterable
from itertools import count

from gan_core.storage import Folder
from gan_train.logs.metrics_log import Row, read_metrics
from gan_train.logs.trace import Trace
from gan_train.logs.writer import Writer
from gan_train.runs.layout import LOSSES

_REAL, _FAKE, _GENERATOR, _FIRST_FREE = "C0", "C1", "C2", 3

_WIDTH, _HEIGHT = 9, 6
"""Inches. Right of the curves stand their names, with 0.45 inches for the lines of the legend and 0.07 for each letter."""

_SINGLE_OPACITY = 0.25
"""Opacity of the single values, from 0 to 1: they lie behind the means, and do not mix to a colour that stands for nothing."""


class CurvesWriter(Writer):
    """Draws losses.png at each summary.

    Args:
        run: the run folder; the rows of its log so far are read.
    """

    def __init__(self, run: Folder) -> None:
        self._run, self._curves = run, Curves(read_metrics(run))

    def write_row(self, row: Row) -> None:
        self._curves.add(row)

    def write_summary(self) -> None:
        self._run.write(LOSSES, self._curves.png())


class Curves:
    """The curves of the rows so far, thinned as trace.py says.

    Args:
        rows: of the log, in order.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._traces: dict[str, Trace] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Add a row of a later step."""
        for name, value in row.items():
            if name.endswith(("loss", ".estimate")) or "accuracy" in name:
                self._traces.setdefault(name, Trace()).add(int(row["step"]), value)

    def png(self) -> bytes:
        """The picture, as a PNG file."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH, _HEIGHT))
        # A layout that matplotlib works out itself takes as long as the drawing.
        longest = max((len(name) for name in self._traces), default=0)
        figure.subplots_adjust(left=0.1, right=1 - (0.45 + 0.07 * longest) / _WIDTH, bottom=0.08, top=0.93, hspace=0.1)
        upper, lower = figure.subplots(2, 1, sharex=True)
        free = count(_FIRST_FREE)
        for name, trace in self._traces.items():
            points, axes = trace.points(), upper if name.endswith("loss") else lower
            colour = _colour(name) or f"C{next(free)}"
            if not name.startswith("snapshot."):
                axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, alpha=_SINGLE_OPACITY)
                points = trace.running_means()
            axes.plot(
                *zip(*points, strict=True),
                label=name,
                color=colour,
                linewidth=1.6,
                linestyle="--" if name.startswith("snapshot.") else "-",
                marker="o" if len(points) == 1 else None,
            )
        figure.suptitle("Each step in pale, running means in full", fontsize=10)
        upper.set_ylabel("loss")
        if any(name.endswith(".estimate") for name in self._traces):
            lower.set_ylabel("estimated distance")
        else:
            lower.set_ylabel("accuracy")
            lower.set_ylim(-0.02, 1.02)
        lower.set_xlabel("step")
        for axes in (upper, lower):
            axes.grid(alpha=0.3)
            # Numbers of few characters fit beside the axis, whatever the values are.
            axes.ticklabel_format(axis="y", scilimits=(-3, 4))
            if axes.lines:
                axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def _colour(name: str) -> str | None:
    """Blue for real, orange for fake, green for the generator, as in Brownlee, Generative Adversarial Networks with Python,
    ch. 10; None for any other curve."""
    if "real" in name:
        return _REAL
    if "fake" in name:
        return _FAKE
    return _GENERATOR if name.startswith("g.") else None
