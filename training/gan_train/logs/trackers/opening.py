"""Opens trackers, and keeps their failures away from the training."""

from collections.abc import Callable
from pathlib import PurePosixPath

from gan_core.errors import UsageError
from gan_core.notices import warn
from gan_core.storage import LocalFolder
from gan_train.logs.metrics_log import Row
from gan_train.logs.trackers.identity import read_identity, write_identity
from gan_train.logs.trackers.mlflow import MlflowWriter
from gan_train.logs.trackers.wandb import WandbWriter
from gan_train.logs.writer import Writer
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import flatten
from gan_train.runs.operation import Tracker


def open_tracker(name: Tracker, run: LocalFolder, recipe: Recipe) -> Writer:
    """Open a tracker for a run: the one it had before, or a new one.

    Args:
        name: of the tracker.
        run: the run folder.
        recipe: recipe of the run, whose values the tracker gets.

    Raises:
        UsageError: the service refuses, or its settings are wrong.
        DataError: trackers.json is damaged.
    """
    settings, title = flatten(recipe.model_dump(mode="json")), PurePosixPath(run.uri.rstrip("/")).name
    identity = read_identity(run, name)
    try:
        writer: MlflowWriter | WandbWriter
        if name == "mlflow":
            writer = MlflowWriter(title, identity, settings, recipe.steps)
        else:
            writer = WandbWriter(title, identity, settings, run.path)
    # Each package has errors of its own, of many kinds: a wrong address, a missing key, no network.
    except Exception as error:
        raise UsageError(f"--track {name}: cannot begin ({_words(error)}); check its settings, or leave it out") from error
    if writer.identity != identity:
        write_identity(run, name, writer.identity)
    return Harmless(name, writer)


class Harmless(Writer):
    """Passes everything on to a tracker until it fails, and then nothing: a lost service must not cost a training.

    Args:
        name: of the tracker, for the warning.
        writer: the tracker.
    """

    def __init__(self, name: str, writer: Writer) -> None:
        self._name, self._writer, self._failed = name, writer, False

    def write_row(self, row: Row) -> None:
        self._try(lambda: self._writer.write_row(row))

    def write_picture(self, name: str, step: int, png: bytes) -> None:
        self._try(lambda: self._writer.write_picture(name, step, png))

    def write_text(self, name: str, step: int, markdown: str) -> None:
        self._try(lambda: self._writer.write_text(name, step, markdown))

    def flush(self) -> None:
        self._try(self._writer.flush)

    def close(self) -> None:
        self._try(self._writer.close)

    def _try(self, action: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            action()
        except Exception as error:
            self._failed = True
            warn(f"--track {self._name} failed ({_words(error)}); the training goes on without it")


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
