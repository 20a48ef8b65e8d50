"""metrics.jsonl and TensorBoard event files, from the same numbers."""

import json
from collections.abc import Iterator

from gan_core.errors import DataError
from gan_core.storage import Folder, LocalFolder, storage_errors
from gan_train.logs import events
from gan_train.logs.event_file import EventFile
from gan_train.runs.layout import EVENTS, METRICS

_TAIL = 1 << 16
"""Bytes at the end of the log that `last_rows` reads."""

Row = dict[str, float]
"""One logging step: "step" and values by name such as "d_real.loss"."""


class MetricsLog:
    """Appends rows. Opening it at a step drops the rows after that step: they will be computed again.

    Attributes:
        last: the newest row that was kept, or None.
    """

    def __init__(self, run: LocalFolder, step: int) -> None:

        self.last: Row | None = None
        with run.create(METRICS) as out:
            for line, row in _lines(run):
                if row["step"] > step:
                    break
                out.write(line)
                self.last = row
        self._run, self._path = run, run.path / METRICS
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close()
        with storage_errors(run.path / EVENTS):
            self._events = EventFile(run.path / EVENTS)
            self._events.add_event(events.session_start(step + 1))

    def add(self, row: Row) -> None:
        """Write one row to both; it is on disk after the next `flush`."""
        with storage_errors(self._path):
            self._file.write(json.dumps(row) + "\n")
            self._events.add_event(events.scalars(row))

    def add_picture(self, name: str, step: int, png: bytes) -> None:
        """Show a PNG file in TensorBoard."""
        with storage_errors(self._path):
            self._events.add_event(events.picture(name, step, png))

    def add_text(self, name: str, step: int, markdown: str) -> None:
        """Show a text in TensorBoard."""
        with storage_errors(self._path):
            self._events.add_event(events.text(name, step, markdown))

    def flush(self) -> None:
        """Hand everything to the operating system, so that a killed process loses nothing."""
        with storage_errors(self._path):
            self._file.flush()
            self._events.flush()
        self._note_growth()

    def close(self) -> None:
        """Flush and close both."""
        with storage_errors(self._path):
            try:
                self._file.close()
            finally:
                self._events.close()
        self._note_growth()

    def _note_growth(self) -> None:
        for prefix in (METRICS, f"{EVENTS}/"):
            self._run.appended(prefix)


def read_metrics(run: Folder) -> Iterator[Row]:
    """All rows, in order; a last line cut off by a kill is left out. Raises DataError at a damaged line."""
    return (row for _, row in _lines(run))


def last_rows(run: Folder) -> list[Row]:
    """Some of the newest rows, in order, at the same cost for a log of any length. Raises DataError at a damaged line."""
    if not run.exists(METRICS):
        return []
    start = max(0, run.size(METRICS) - _TAIL)
    lines = run.read_range(METRICS, start, _TAIL).split(b"\n")
    # Before the first line break may be the end of a line, after the last one its beginning.
    return [_row(run, line, None) for line in lines[1 if start else 0 : -1]]


def _lines(run: Folder) -> Iterator[tuple[bytes, Row]]:
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
