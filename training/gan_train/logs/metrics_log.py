"""metrics.jsonl: one row for each logged step. Reading it."""

import math
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, TypeAdapter

from gan_core.documents import parse_json_line, read_json_lines
from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_train.runs.layout import METRICS

_TAIL = 1 << 16
"""Bytes at the end of the log that `last_rows` reads."""

Row = dict[str, float]
"""The metrics of one step: "step", and values by name such as "d_real.loss"."""

_ALWAYS = ("elapsed", "images_per_second", "input_wait", "memory.host")
"""Values that the trainer writes into every row: finite and not negative."""

_LARGEST = 1 << 63
_REMEDY = "remove it from the file"


def _complete(row: dict[str, int | float]) -> dict[str, int | float]:
    """Check that a row has what every reader relies on."""
    if not isinstance(row.get("step"), int) or not 0 <= row["step"] < _LARGEST:
        raise ValueError("step is no whole number")
    for name in _ALWAYS:
        if not 0 <= row.get(name, math.nan) < _LARGEST:
            raise ValueError(f"{name} is no number from 0")
    if any(isinstance(value, int) and abs(value) >= _LARGEST for value in row.values()):
        raise ValueError("a number is too large")
    return row


_ROW: TypeAdapter[Row] = TypeAdapter(Annotated[dict[str, int | float], AfterValidator(_complete)])


def read_metrics(run: Folder) -> Iterator[Row]:
    """All rows, in order; a last line that a kill cut off is left out. Raises DataError at a damaged line."""
    return (row for _, row in lines_and_rows(run))


def last_rows(run: Folder) -> list[Row]:
    """Some of the newest rows, in order, at the same cost for a log of any length. Raises DataError at a damaged line."""
    if not run.exists(METRICS):
        return []
    start = max(0, run.size(METRICS) - _TAIL)
    lines = run.read_range(METRICS, start, _TAIL).split(b"\n")
    where = run.locate(METRICS)
    # Before the first line break may be the end of a line, after the last one the beginning of another.
    return [parse_json_line(line, _ROW, where, "a line near its end", _REMEDY) for line in lines[1 if start else 0 : -1]]


def lines_and_rows(run: Folder) -> Iterator[tuple[bytes, Row]]:
    """Every whole line as it is in the file, with its row. Raises DataError at a damaged line, or if steps do not ascend."""
    if not run.exists(METRICS):
        return
    before = -1
    for line, row in read_json_lines(run, METRICS, _ROW, _REMEDY, cut_end=True):
        if row["step"] <= before:
            raise DataError(f"{run.locate(METRICS)}: damaged: step {row['step']} comes after step {before}; {_REMEDY}")
        before = int(row["step"])
        yield line, row
