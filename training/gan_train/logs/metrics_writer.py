"""metrics.jsonl: writing it, row by row."""

import json

from gan_core.storage import LocalFolder, storage_errors
from gan_train.logs.metrics_log import Row, lines_and_rows
from gan_train.logs.writer import Writer
from gan_train.runs.layout import METRICS


class MetricsWriter(Writer):
    """Appends rows to metrics.jsonl. Opening it removes the rows after a step, whose training is about to be repeated.

    Args:
        run: the run folder.
        step: the step that training begins at.

    Attributes:
        last: the newest row that was kept, or None.
    """

    def __init__(self, run: LocalFolder, step: int) -> None:
        self.last: Row | None = None
        with run.create(METRICS) as out:
            for line, row in lines_and_rows(run):
                if row["step"] > step:
                    break
                out.write(line)
                self.last = row
        self._run, self._path = run, run.path / METRICS
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close()

    def write_row(self, row: Row) -> None:
        with storage_errors(self._path):
            self._file.write(json.dumps(row) + "\n")

    def flush(self) -> None:
        with storage_errors(self._path):
            self._file.flush()
        self._run.appended(METRICS)

    def close(self) -> None:
        with storage_errors(self._path):
            self._file.close()
        self._run.appended(METRICS)
