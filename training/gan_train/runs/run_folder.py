"""The run folder: holding it, its recipe.yaml and its status.json."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import IO, Any

import yaml

from gan_core.errors import DataError, GanmillError, UsageError
from gan_core.interruption import Interruption
from gan_core.storage import WORK, CloudFolder, Folder, LocalFolder
from gan_pipeline.dataset.manifest import dump_json
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import UnknownSystemError, check_recipe, difference, dump_recipe
from gan_train.recipe.installed import OWN, installed
from gan_train.runs.layout import RECIPE, STATUS
from gan_train.runs.mirror import mirrored

_PACKAGES = ("ganmill", "tensorflow", "keras", "numpy")
_LOCK = f"{WORK}/lock"


@dataclass(frozen=True)
class RunRecord:
    """The content of recipe.yaml: enough to train the run again.

    Attributes:
        recipe: with every value.
        dataset: the folder of the dataset when the run began.
        dataset_digest: identifies the content of the dataset.
        class_names: of the dataset, by number; none if the recipe learns no classes, or an earlier version made the run.
    """

    recipe: Recipe
    dataset: str
    dataset_digest: str
    class_names: tuple[str, ...] = ()


@contextmanager
def hold_run(run: LocalFolder | CloudFolder, interruption: Interruption) -> Iterator[LocalFolder]:
    """Hold the run folder for this process, and yield the folder to train in: itself, or the mirror of one on gs://.

    Raises:
        UsageError: another process trains in it.
        StorageError, InterruptedRunError: as `mirrored` says.
    """
    if isinstance(run, LocalFolder):
        with _locked(run):
            yield run
        return
    with mirrored(run, interruption) as mirror:
        yield mirror


@contextmanager
def _locked(run: LocalFolder) -> Iterator[None]:
    run.write(f"{WORK}/README", b"Temporary files of a running gan-train; safe to remove when none runs.\n")
    file: IO[bytes]
    with open(run.path / _LOCK, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"{run.uri}: another process trains in this folder; wait for it or choose another -o") from error
        yield


def write_record(run: Folder, recipe: Recipe, dataset: str, digest: str, class_names: Sequence[str] = ()) -> None:
    """Write recipe.yaml, unless the folder is the run of this recipe and dataset already.

    Args:
        run: the run folder.
        recipe: with every value.
        dataset: the dataset folder, as the caller named it.
        digest: identifies the content of the dataset.
        class_names: of the dataset; they are written if the recipe learns classes, so that tools know them without the dataset.

    Raises:
        UsageError: as `check_record` says.
    """
    check_record(run, recipe, dataset, digest)
    if not run.exists(RECIPE):
        facts: dict[str, Any] = {"dataset": dataset, "dataset_digest": digest, "packages": packages(recipe)}
        if recipe.dataset_classes:
            facts["class_names"] = list(class_names)
        run.write(RECIPE, (dump_recipe(recipe) + "---\n" + yaml.safe_dump(facts, sort_keys=False)).encode())


def check_record(run: Folder, recipe: Recipe, dataset: str, digest: str) -> None:
    """Check that a folder is empty, or the run of this recipe and dataset; the last step may differ.

    Raises:
        UsageError: it holds another run, or something else.
    """
    if not run.exists(RECIPE):
        foreign = [name for name in run.names() if not name.startswith(f"{WORK}/")]
        if foreign:
            raise UsageError(f"{run.uri}: holds other files ({foreign[0]}); choose an empty or new folder with -o")
        return
    before = read_record(run)
    changed = difference(before.recipe, recipe)
    if changed:
        raise UsageError(f"{run.uri}: made with another recipe ({changed}); choose another folder with -o")
    if before.dataset_digest != digest:
        raise UsageError(
            f"{run.uri}: made with dataset {before.dataset_digest[:12]} ({before.dataset}), now given {digest[:12]} "
            f"({dataset}); choose another folder with -o, or the earlier dataset"
        )


def packages(recipe: Recipe) -> dict[str, str]:
    """Versions of the packages that decide what a run by this recipe computes, with the plug-in of its system."""
    system = installed().systems[recipe.system]
    plugin = {} if system.package == OWN else {system.package: system.version}
    return {package: version(package) for package in _PACKAGES} | plugin


def read_record(run: Folder) -> RunRecord:
    """The recipe and dataset of a run.

    Raises:
        DataError: the folder holds none, or a damaged one.
        UsageError: the system of the recipe is not installed.
    """
    if not run.exists(RECIPE):
        raise DataError(f"{run.uri}: no {RECIPE} here; give the folder of a run made by 'gan-train run'")
    where = run.locate(RECIPE)
    try:
        document, facts = yaml.safe_load_all(run.read(RECIPE))
        recipe = check_recipe(document, where)
        return RunRecord(recipe, facts["dataset"], facts["dataset_digest"], _class_names(recipe, facts.get("class_names", [])))
    except UnknownSystemError:
        raise
    except (yaml.YAMLError, ValueError, KeyError, TypeError, UsageError) as error:
        raise DataError(f"{where}: damaged ({' '.join(str(error).split())}); start a new run in another folder") from error


def _class_names(recipe: Recipe, names: list[Any]) -> tuple[str, ...]:
    if names and len(names) != recipe.dataset_classes:
        raise ValueError(f"{len(names)} class_names, but {recipe.dataset_classes} classes")
    return tuple(map(str, names))


def write_status(run: Folder, state: str, step: int, steps: int, error: GanmillError | None = None) -> None:
    """Write status.json, for people and schedulers.

    It names the process that wrote it, and when; a process of the same number that started later is another one.

    Args:
        run: the run folder.
        state: "training", "finished", "interrupted", "diverged", "failed" or "error".
        step: the step the run stands at.
        steps: the last step.
        error: what ended the run, for the state "error".
    """
    writer = {"pid": os.getpid(), "host": socket.gethostname(), "time": time.time()}
    reason = {"error": str(error), "exit_code": error.exit_code} if error else {}
    run.write(STATUS, dump_json({"state": state, "step": step, "steps": steps, **writer, **reason}))
