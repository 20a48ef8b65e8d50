"""TensorBoard event files of a run: the rows of metrics.jsonl as scalars, sample grids as pictures, the recipe as text."""

from gan_core.storage import LocalFolder, storage_errors
from gan_train.logs import events
from gan_train.logs.event_file import EventFile
from gan_train.logs.metrics_log import Row
from gan_train.logs.writer import Writer
from gan_train.runs.layout import EVENTS


class TensorBoardWriter(Writer):
    """Writes a new event file, which tells TensorBoard to forget what earlier files have of later steps.

    Args:
        run: the run folder.
        step: the step that training begins at.
    """

    def __init__(self, run: LocalFolder, step: int) -> None:
        self._run, self._path = run, run.path / EVENTS
        with storage_errors(self._path):
            self._events = EventFile(self._path)
            self._events.add_event(events.session_start(step + 1))

    def write_row(self, row: Row) -> None:
        with storage_errors(self._path):
            self._events.add_event(events.scalars(row))

    def write_picture(self, name: str, step: int, png: bytes) -> None:
        with storage_errors(self._path):
            self._events.add_event(events.picture(name, step, png))

    def write_text(self, name: str, step: int, markdown: str) -> None:
        with storage_errors(self._path):
            self._events.add_event(events.text(name, step, markdown))

    def flush(self) -> None:
        with storage_errors(self._path):
            self._events.flush()
        self._run.appended(f"{EVENTS}/")

    def close(self) -> None:
        with storage_errors(self._path):
            self._events.close()
        self._run.appended(f"{EVENTS}/")
