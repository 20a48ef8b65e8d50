"""A metric by step, thinned so that a run of any length is drawn from a bounded number of points."""

from dataclasses import dataclass
from itertools import accumulate

BUCKETS = 1_000
"""Stretches of steps at most; losses.png has fewer columns of pixels."""

_WINDOWS = 50
"""How many windows of running means stand side by side in a picture."""

Point = tuple[int, float]
"""Step and value."""


@dataclass(slots=True)
class _Bucket:
    """The smallest and the largest value of a stretch of steps, and the sum and number of all its values."""

    number: int
    low: Point
    high: Point
    total: float
    count: int = 1


class Trace:
    """Values by step, added in order.

    Up to `BUCKETS` values are all kept. Beyond that every stretch of 2, 4, 8... steps keeps its smallest and its largest value,
    so that a peak of one step stays in the picture however long the run is. Which values are kept depends on the values
    alone, and not on how often the run was resumed.
    """

    def __init__(self) -> None:
        self._width = 1
        self._buckets: list[_Bucket] = []

    def add(self, step: int, value: float) -> None:
        """Add the value of a step later than all before."""
        last = self._buckets[-1] if self._buckets else None
        if last and last.number == step // self._width and last.low[1] <= value <= last.high[1]:
            # Most values of a long run are no new extreme.
            last.total += value
            last.count += 1
            return
        point = (step, value)
        self._put(_Bucket(step // self._width, point, point, value))
        while len(self._buckets) > BUCKETS:
            self._width *= 2
            finer, self._buckets = self._buckets, []
            for bucket in finer:
                bucket.number //= 2
                self._put(bucket)

    @property
    def thinned(self) -> bool:
        """Whether stretches are longer than one step."""
        return self._width > 1

    def points(self) -> list[Point]:
        """At most 2 * BUCKETS points, in the order of steps."""
        return [point for bucket in self._buckets for point in sorted({bucket.low, bucket.high})]

    def means(self) -> list[Point]:
        """The mean value of each stretch at its middle step; at most BUCKETS points."""
        half = self._width // 2
        return [(bucket.number * self._width + half, bucket.total / bucket.count) for bucket in self._buckets]

    def running_means(self) -> list[Point]:
        """The means over a fiftieth of the stretches around each, weighted by their number of values; as `means` otherwise."""
        reach = len(self._buckets) // (2 * _WINDOWS)
        totals = list(accumulate((bucket.total for bucket in self._buckets), initial=0.0))
        counts = list(accumulate((bucket.count for bucket in self._buckets), initial=0))
        means = []
        for place, (step, _) in enumerate(self.means()):
            first, last = max(0, place - reach), min(len(self._buckets), place + reach + 1)
            means.append((step, (totals[last] - totals[first]) / (counts[last] - counts[first])))
        return means

    def _put(self, bucket: _Bucket) -> None:
        if self._buckets and self._buckets[-1].number == bucket.number:
            last = self._buckets.pop()
            low, high = min(last.low, bucket.low, key=_value), max(last.high, bucket.high, key=_value)
            bucket = _Bucket(bucket.number, low, high, last.total + bucket.total, last.count + bucket.count)
        self._buckets.append(bucket)


def _value(point: Point) -> float:
    return point[1]
