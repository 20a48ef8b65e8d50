"""Turns the values that a call of the device returns into rows of the log. A pure function, no I/O."""

import math

import numpy as np
from numpy.typing import NDArray

from gan_train.logs.metrics_log import Row
from gan_train.systems.base import System
from gan_train.systems.step import metric_names, phase_metrics, rests


def metric_rows(system: System, values: NDArray[np.float32], last: int) -> list[Row]:
    """One row for each step of a call.

    A phase that does not run in a step is not in that step's row. Numbers that are not finite are left out, since JSON has no
    infinity: an update that float16 skipped has no norm, and a divergence that is only warned of has no value.

    Args:
        system: what was trained.
        values: float32 (steps, metrics), as `build_steps` returns them.
        last: step of the last row.
    """
    names, rows = metric_names(system), []
    for step, step_values in enumerate(values.tolist(), last - len(values) + 1):
        resting = {name for phase in system.phases if rests(phase, step - 1) for name in phase_metrics(phase)}
        metrics = {name: value for name, value in zip(names, step_values, strict=True) if name not in resting}
        row: Row = {"step": step} | metrics | system.derived_metrics(metrics)
        rows.append({name: value for name, value in row.items() if math.isfinite(value)})
    return rows
