"""metrics.jsonl: one row for each logged step. Reading it."""

import json
from collections.abc import Iterator

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_train.runs.layout import METRICS

_TAIL = 1 << 16
"""Bytes at the end of the log that `last_rows` reads."""

Row = dict[str, float]
"""The metrics of one step: "step", and values by name such as "d_real.loss"."""


def read_metrics(run: Folder) -> Iterator[Row]:
    """All rows, in order; a last line that a kill cut off is left out. Raises DataError at a damaged line."""
    return (row for _, row in lines_and_rows(run))


def last_rows(run: Folder) -> list[Row]:
    """Some of the newest rows, in order, at the same cost for a log of any length. Raises DataError at a damaged line."""
    if not run.exists(METRICS):
        return []
    start = max(0, run.size(METRICS) - _TAIL)
    lines = run.read_range(METRICS, start, _TAIL).split(b"\n")
    # Before the first line break may be the end of a line, after the last one the beginning of another.
    return [_row(run, line, None) for line in lines[1 if start else 0 : -1]]


def lines_and_rows(run: Folder) -> Iterator[tuple[bytes, Row]]:
    """Every whole line as it is in the file, with its row. Raises DataError at a damaged line."""
    if not run.exists(METRICS):
        return
    with run.open_binary(METRICS) as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield line, _row(run, line, number)


def _row(run: Folder, line: bytes, number: int | None) -> Row:
    try:
        row: Row = json.loads(line)
        int(row["step"])
    except (ValueError, TypeError, KeyError) as error:
        place = f"line {number}" if number else "a line near its end"
        raise DataError(f"{run.locate(METRICS)}: {place} is damaged; remove it from the file") from error
    return row
