"""losses.png: losses above; below, accuracies of real and fake and of classes (spec C 1.1), or a critic's estimate, which has
none (spec C 1.8). Drawing takes as long after a million steps as after a thousand."""

import io
from collections.abc import Iterable
from itertools import count

from gan_train.logs.metrics_log import Row
from gan_train.logs.trace import Trace

_REAL, _FAKE, _GENERATOR, _FIRST_FREE = "C0", "C1", "C2", 3

_SEEN_THROUGH = 0.6
"""Opacity of a thinned curve: it fills the range of its values and would hide the ones behind it."""


class Curves:
    """What losses.png shows of the rows so far; trace.py says how it is thinned."""

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

        figure = Figure(figsize=(9, 6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        free = count(_FIRST_FREE)
        for name, trace in self._traces.items():
            points = trace.points()
            (upper if name.endswith("loss") else lower).plot(
                *zip(*points, strict=True),
                label=name,
                color=_colour(name) or f"C{next(free)}",
                linewidth=1,
                alpha=_SEEN_THROUGH if trace.thinned else 1.0,
                linestyle="--" if name.startswith("snapshot.") else "-",
                marker="o" if len(points) == 1 else None,
            )
        upper.set_ylabel("loss")
        if any(name.endswith(".estimate") for name in self._traces):
            lower.set_ylabel("estimated distance")
        else:
            lower.set_ylabel("accuracy")
            lower.set_ylim(-0.02, 1.02)
        lower.set_xlabel("step")
        for axes in (upper, lower):
            axes.grid(alpha=0.3)
            if axes.lines:
                axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()


def _colour(name: str) -> str | None:
    """The specification's: blue is real, orange is fake, green the generator; None for what it does not know."""
    if "real" in name:
        return _REAL
    if "fake" in name:
        return _FAKE
    return _GENERATOR if name.startswith("g.") else None
