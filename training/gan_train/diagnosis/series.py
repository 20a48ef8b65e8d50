"""Statistics of a series of numbers, without thresholds. Series are in order of steps, one value for each row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SMOOTHED = 41
"""Rows of the running mean that an oscillation is measured against."""
_PERIODS = range(10, 51)
"""Lags, in rows, among which a period is searched."""
_ROUNDING = 1e-12
"""Share of a series' variance below which the rest, after its running mean is subtracted, is rounding error."""
_AS_WELL = 0.9
"""Share of the best correlation from which on a shorter period counts as good."""


@dataclass(frozen=True)
class Oscillation:
    """How regularly a series swings.

    Attributes:
        period: length of the period in rows.
        correlation: correlation of the series with itself one period later, -1 to 1.
        swing: standard deviation of the series, divided by the size of its mean.
    """

    period: int
    correlation: float
    swing: float


def median(values: Sequence[float]) -> float:
    """The median, which lone peaks do not move."""
    return float(np.median(values))


def mean(values: Sequence[float]) -> float:
    """The mean."""
    return float(np.mean(values))


def deviation(values: Sequence[float]) -> float:
    """The standard deviation, of a whole population."""
    return float(np.std(values))


def slope(values: Sequence[float]) -> float:
    """The rise from one value to the next, by least squares; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


def oscillation(values: Sequence[float]) -> Oscillation | None:
    """The period at which a series correlates best with itself, after its running mean is subtracted.

    Returns:
        None for a series without such a period, or too short to hold the longest period twice.
    """
    series = np.asarray(values, np.float64)
    if len(series) < _SMOOTHED + 2 * _PERIODS[-1] or series.std() == 0 or series.mean() == 0:
        return None
    half = _SMOOTHED // 2
    swings = series[half:-half] - np.convolve(series, np.full(_SMOOTHED, 1 / _SMOOTHED), "valid")
    swings -= swings.mean()
    power = float(np.mean(swings**2))
    if power < _ROUNDING * series.var():
        return None
    agreement = {lag: float(np.mean(swings[lag:] * swings[:-lag])) / power for lag in _PERIODS}
    rising = (lag for lag in _PERIODS[1:-1] if agreement[lag - 1] < agreement[lag] >= agreement[lag + 1])
    peaks = [lag for lag in rising if agreement[lag] > 0]
    if not peaks:
        return None
    # Twice the period agrees as well as the period itself.
    period = next(lag for lag in peaks if agreement[lag] >= _AS_WELL * max(agreement[peak] for peak in peaks))
    return Oscillation(period, agreement[period], float(series.std() / abs(series.mean())))
