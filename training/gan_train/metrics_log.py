"""metrics.jsonl and TensorBoard event files, from the same numbers."""

import json
from pathlib import Path
from typing import Any

from gan_pipeline.storage import Folder, storage_errors
from gan_train.event_file import EventFile

METRICS, EVENTS = "metrics.jsonl", "tensorboard"

Row = dict[str, float]
"""One logging step: "step" and values by name such as "d_real.loss"."""


class MetricsLog:
    """Appends rows. Opening it at a step drops the rows after that step: they will be computed again."""

    def __init__(self, run: Folder, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        kept = [row for row in read_metrics(run) if row["step"] <= step]
        run.write(METRICS, "".join(_line(row) for row in kept).encode())
        self._path = Path(run.uri) / METRICS
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close()
        with storage_errors(Path(run.uri) / EVENTS):
            self._events = EventFile(Path(run.uri) / EVENTS)
            self._events.add_event(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))

    def add(self, row: Row) -> None:
        """Write one row to both; it is on disk after the next `flush`."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag(name), simple_value=value) for name, value in row.items() if name != "step"]
        with storage_errors(self._path):
            self._file.write(_line(row))
            self._events.add_event(Event(step=int(row["step"]), summary=Summary(value=values)))

    def flush(self) -> None:
        """Hand everything to the operating system, so that a killed process loses nothing."""
        with storage_errors(self._path):
            self._file.flush()
            self._events.flush()

    def close(self) -> None:
        """Flush and close both."""
        with storage_errors(self._path):
            try:
                self._file.close()
            finally:
                self._events.close()


def tag(name: str) -> str:
    """A metric's name in TensorBoard, which groups by the part before a slash."""
    return name.replace(".", "/", 1)


def read_metrics(run: Folder) -> list[Row]:
    """All rows, in order; a last line cut off by a kill is left out."""
    if not run.exists(METRICS):
        return []
    rows: list[Row] = []
    for line in run.read(METRICS).decode(errors="replace").splitlines():
        try:
            row: Any = json.loads(line)
        except ValueError:
            break
        rows.append(row)
    return rows


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"
