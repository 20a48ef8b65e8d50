"""The charts of a comparison: a curve for each variant, and of several seeds the mean and a band of one standard deviation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gan_train.logs.trace import Point
from gan_train.pages.charts import Chart, Series, metric_charts, score_points, score_words
from gan_train.pages.variants import Variant
from gan_train.scoring.scores import KINDS, Scored


def comparison_charts(variants: Sequence[Variant]) -> list[Chart]:
    """A chart for each metric that at least two runs have, with a curve for each variant, in the order of a report."""
    found: dict[str, tuple[Chart, dict[str, list[Series]]]] = {}
    for variant in variants:
        for run in variant.runs:
            for chart in metric_charts(run.contents.traces.curves(), run.contents.generators):
                for series in chart.series:
                    _, curves = found.setdefault(series.name, (chart, {}))
                    curves.setdefault(variant.name, []).append(series)
    charts = []
    for name, (chart, curves) in found.items():
        if sum(map(len, curves.values())) > 1:
            drawn = tuple(_curve(variant, curves[variant.name]) for variant in variants if variant.name in curves)
            charts.append(Chart(f"metric-{name}", name, drawn, "", chart.share, chart.first))
    return sorted(charts, key=lambda chart: not chart.first)


def comparison_score_charts(variants: Sequence[Variant], scored: Mapping[str, Sequence[Scored]]) -> list[Chart]:
    """A chart for each score that at least two runs have, with a curve for each variant; `scored` is by name of the run."""
    charts = []
    for name, kind in KINDS.items():
        points = {variant.name: [score_points(scored.get(run.name, ()), name) for run in variant.runs] for variant in variants}
        curves = {variant: [Series(name, one, 0) for one in found if one] for variant, found in points.items()}
        drawn = tuple(_curve(variant, curves[variant.name]) for variant in variants if curves[variant.name])
        if sum(map(len, curves.values())) > 1 and not name.endswith("_of_reals"):
            charts.append(Chart(f"score-{name}", kind.title, drawn, score_words(kind)))
    return charts


def _curve(variant: Variant, series: Sequence[Series]) -> Series:
    """The curve of a variant: that of its only run, or the mean of several with their band."""
    assert variant.colour is not None
    if len(series) == 1:
        return Series(variant.name, series[0].points, variant.colour, series[0].means, seeds=variant.seeds)
    found = band([one.means or one.points for one in series])
    return Series(variant.name, found.mean, variant.colour, low=found.low, high=found.high, seeds=variant.seeds)


@dataclass(frozen=True)
class Band:
    """The mean of several curves by step, and mean less and plus the standard deviation over them.

    Attributes:
        mean, low, high: points with the same steps.
    """

    mean: Sequence[Point]
    low: Sequence[Point]
    high: Sequence[Point]


def band(curves: Sequence[Sequence[Point]]) -> Band:
    """The band of curves, at each step that one of them has; between two points a curve is a straight line.

    Where a curve has not begun or has ended, the others alone count; the deviation of a single one is 0.

    Args:
        curves: points by step, at least one in each curve.
    """
    steps = sorted({step for curve in curves for step, _ in curve})
    values = np.array([_on(curve, steps) for curve in curves])
    count = np.isfinite(values).sum(axis=0)
    mean = np.nansum(values, axis=0) / count
    squares = np.nansum((values - mean) ** 2, axis=0)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    low, high = mean - deviation, mean + deviation
    return Band(*(list(zip(steps, part.tolist(), strict=True)) for part in (mean, low, high)))


def _on(curve: Sequence[Point], steps: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The values of a curve at steps, NaN outside of its own."""
    own, values = zip(*curve, strict=True)
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = np.interp(steps, own, values, left=np.nan, right=np.nan)
    return found
