"""Charts of a run: all metrics of metrics.jsonl in related groups, thinned without losing peaks, and scores by step.

traces = Traces(read_metrics(run))
for chart in metric_charts(traces.curves(), {"g"}): ...
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from gan_train.logs.metrics_log import Row
from gan_train.logs.trace import Point, Trace
from gan_train.scoring.scores import KINDS, Score, Scored

_DIGITS = 5
"""Significant digits of a value in the page."""

REAL, FAKE, GENERATOR, _FIRST_FREE, COLOURS = 0, 1, 2, 3, 8
"""Indices in the palette of the page: blue for real, orange for fake, green for the generator, then free colours."""


_value = itemgetter(1)


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: name for people.
        points: steps and values, by step.
        means: means of intervals of steps, if points are only the extremes of the intervals.
        colour: index in the palette of the page.
        dashed: draw a dashed line.
        mark: draw large points without a line, for a best step.
        low, high: the edges of a band around the points, with the same steps; none for a single run.
        seeds: the seeds of the runs, or "" on a page of one run.
    """

    name: str
    points: Sequence[Point]
    colour: int
    means: Sequence[Point] = ()
    dashed: bool = False
    mark: bool = False
    low: Sequence[Point] = ()
    high: Sequence[Point] = ()
    seeds: str = ""

    @property
    def newest(self) -> Point:
        return self.points[-1]

    @cached_property
    def lowest(self) -> Point:
        return min(self.points, key=_value)

    @cached_property
    def highest(self) -> Point:
        return max(self.points, key=_value)

    def document(self) -> dict[str, Any]:
        """The document for the script of the page."""
        document = {"name": self.name, "colour": self.colour, "dashed": self.dashed, "mark": self.mark}
        band = {"low": _columns(self.low), "high": _columns(self.high)} if self.low else {}
        return document | {"all": _columns(self.points), "means": _columns(self.means)} | band


@dataclass(frozen=True)
class Chart:
    """Curves over the same steps.

    Attributes:
        key: identifier in the page.
        title: name for people.
        series: one curve or more.
        about: a sentence about what to look for, or "".
        share: whether the vertical axis is [0, 1].
        first: whether it belongs to the charts that are shown first.
    """

    key: str
    title: str
    series: tuple[Series, ...]
    about: str = ""
    share: bool = False
    first: bool = True

    def document(self) -> dict[str, Any]:
        """The document for the script of the page."""
        return {"title": self.title, "share": self.share, "series": [one.document() for one in self.series]}


@dataclass(frozen=True)
class Curve:
    """The points of a metric and, if those are only the extremes of intervals of steps, the means of the intervals."""

    points: Sequence[Point]
    means: Sequence[Point] = ()

    def scaled(self, scale: float) -> "Curve":
        """The curve with all values multiplied by `scale`."""
        points, means = ([(step, value * scale) for step, value in part] for part in (self.points, self.means))
        return self if scale == 1.0 else Curve(points, means)


class Traces:
    """All metrics of the rows so far, in bounded memory for a run of any length."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._traces: dict[str, Trace] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Add a row of a later step."""
        step = int(row["step"])
        for name, value in row.items():
            if name != "step":
                trace = self._traces.get(name)
                if trace is None:
                    trace = self._traces[name] = Trace()
                trace.add(step, value)

    def curves(self) -> dict[str, "Curve"]:
        """The curve of each metric, by name, in the order of their first values."""
        return {name: Curve(trace.points(), trace.means() if trace.thinned else ()) for name, trace in self._traces.items()}


@dataclass(frozen=True)
class _Group:
    """The metrics of one chart. A metric belongs to the first group that matches its name."""

    key: str
    title: str
    wants: Callable[[str], bool]
    about: str = ""
    share: bool = False
    first: bool = False
    scale: float = 1.0


_GROUPS = (
    _Group("loss", "Loss", lambda name: name.endswith("loss"), "Neither player should win for long.", first=True),
    _Group(
        "accuracy",
        "Accuracy of the discriminator",
        lambda name: "accuracy" in name,
        "Dashed: on what snapshots show.",
        share=True,
        first=True,
    ),
    _Group("estimate", "Estimated distance", lambda name: name.endswith(".estimate"), "It should fall.", first=True),
    _Group("classes", "Classes that appear", lambda name: name.startswith("snapshot.classes"), first=True),
    _Group("fid", "FID at snapshots", lambda name: name == "snapshot.fid", "It should fall.", first=True),
    _Group("measured", "Measured at snapshots", lambda name: name.startswith("snapshot."), first=True),
    _Group("scores", "Scores of the players", lambda name: ".score" in name, "What the discriminator says before its loss."),
    _Group("gradients", "Norms of gradients", lambda name: name.endswith(".gradient_norm")),
    _Group("weights", "Norms of weights", lambda name: name.endswith(".weight_norm")),
    _Group("rates", "Learning rates", lambda name: name.endswith(".learning_rate")),
    _Group("speed", "Images a second", lambda name: name == "images_per_second"),
    _Group("wait", "Share of time waiting for input", lambda name: name == "input_wait", share=True),
    _Group("memory", "Memory in MB", lambda name: name.startswith("memory."), scale=2**-20),
    _Group("time", "Seconds of training, and of them standing still", lambda name: name.startswith(("elapsed", "stall."))),
    _Group("rest", "Other numbers", lambda name: True),
)


def metric_charts(curves: Mapping[str, Curve], generators: Collection[str]) -> list[Chart]:
    """The charts of all metrics of a run, in the order of `_GROUPS`.

    Args:
        curves: the metrics by name.
        generators: names of the generators' phases, as the recipe's `opponents` have them.
    """
    free, charts = dict(curves), []
    for group in _GROUPS:
        used = {name: free.pop(name) for name in list(free) if group.wants(name)}
        if used:
            coloured = zip(used.items(), colours(list(used), generators), strict=True)
            series = tuple(
                _series(name, curve.scaled(group.scale), colour, dashed=name.startswith("snapshot."))
                for (name, curve), colour in coloured
            )
            charts.append(Chart(group.key, group.title, series, group.about, group.share, group.first))
    return charts


def _series(name: str, curve: Curve, colour: int, dashed: bool) -> Series:
    return Series(name, curve.points, colour, curve.means, dashed)


def colours(names: Sequence[str], generators: Collection[str]) -> list[int]:
    """A colour for each name: that of its meaning, or the next free one if it has none or the colour is taken."""
    used: dict[tuple[int, bool], str] = {}
    free, chosen = _FIRST_FREE, []
    for name in names:
        meaning = _meaning(name, generators)
        place = None if meaning is None else (meaning, name.startswith("snapshot."))
        if place is None or place in used:
            chosen.append(free)
            free = _FIRST_FREE if free + 1 == COLOURS else free + 1
        else:
            used[place] = name
            chosen.append(place[0])
    return chosen


def _meaning(name: str, generators: Collection[str]) -> int | None:
    if "real" in name:
        return REAL
    if "fake" in name:
        return FAKE
    return GENERATOR if name.partition(".")[0] in generators else None


def score_charts(scored: Sequence[Scored]) -> list[Chart]:
    """A chart for each kind of score, with the best step marked. All scores have one yardstick."""
    charts = []
    for name, kind in KINDS.items():
        points = score_points(scored, name)
        if not points or name.endswith("_of_reals"):
            continue
        series = [Series(kind.title, points, GENERATOR)]
        reals = score_points(scored, f"{name}_of_reals")
        if reals:
            series.append(Series(KINDS[f"{name}_of_reals"].title, reals, REAL, dashed=True))
        best = best_point(points, name)
        if best:
            series.append(Series(f"best: {best[1]:.4g} at step {best[0]}", [best], FAKE, mark=True))
        charts.append(Chart(f"score-{name}", kind.title, tuple(series), score_words(kind)))
    return charts


def score_points(scored: Iterable[Scored], name: str) -> list[Point]:
    """The values of a score by step; of a step that was scored twice, the newest."""
    by_step = {one.protocol.step: one.values[name] for one in scored if name in one.values}
    return sorted(by_step.items())


def best_point(points: Sequence[Point], name: str) -> Point | None:
    """The best value of a kind of score, at a tie the earliest; None if neither end is better."""
    better = KINDS[name].better
    if better is None or not points:
        return None
    return min(points, key=_value) if better == "min" else max(points, key=_value)


def score_words(kind: Score) -> str:
    """A sentence about the meaning of a kind of score, and which end is better."""
    ends = {"min": " Lower is better.", "max": " Higher is better.", None: ""}[kind.better]
    return f"{kind.about[0].upper()}{kind.about[1:]}.{ends}"


def _columns(points: Sequence[Point]) -> list[list[float]]:
    """A list of steps and a list of values, for the script of the page."""
    return [[step for step, _ in points], [float(f"{value:.{_DIGITS}g}") for _, value in points]]
