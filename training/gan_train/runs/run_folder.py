"""The run folder: holding it, its recipe.yaml and its status.json."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import IO, Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from gan_core.documents import PrintableText, Whole, first_fault, read_json, read_yaml
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
        packages: versions of the packages that decide what a run computes, by name.
    """

    recipe: Recipe
    dataset: str
    dataset_digest: str
    class_names: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)


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


def is_held(run: LocalFolder) -> bool:
    """Whether a process trains in a folder on this machine now."""
    try:
        with open(run.path / _LOCK, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


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
    where, remedy = run.locate(RECIPE), "restore it, or start a new run in another folder"
    documents = read_yaml(run, RECIPE, remedy)
    try:
        if len(documents) != 2:
            raise ValueError(f"{len(documents)} YAML documents in it, not 2")
        facts = _FACTS.validate_python(documents[1])
        recipe = check_recipe(documents[0], where)
        if facts.class_names and len(facts.class_names) != recipe.dataset_classes:
            raise ValueError(f"{len(facts.class_names)} class_names, but {recipe.dataset_classes} classes")
    except UnknownSystemError:
        raise
    except ValidationError as error:
        raise DataError(f"{where}: damaged ({first_fault(error)}); {remedy}") from error
    except (ValueError, UsageError) as error:
        raise DataError(f"{where}: damaged ({error}); {remedy}") from error
    return RunRecord(recipe, facts.dataset, facts.dataset_digest, facts.class_names, facts.packages)


@dataclass(frozen=True)
class _Facts:
    """The second document of recipe.yaml."""

    dataset: str
    dataset_digest: PrintableText
    packages: dict[str, PrintableText] = field(default_factory=dict)
    class_names: tuple[Annotated[str, BeforeValidator(str)], ...] = ()


_FACTS = TypeAdapter(_Facts)


State = Literal["training", "finished", "interrupted", "diverged", "failed", "error"]


@dataclass(frozen=True)
class Status:
    """The content of status.json.

    Attributes:
        state: "error" if the run ended with an error of its own, which `error` and `exit_code` describe.
        step: the newest known step.
        steps: the last step of the run.
        pid, host: number and machine of the process that wrote the file.
        time: when it was written, in seconds since 1970.
        error: message of the error, or "".
        exit_code: of the error, or 0.
    """

    state: State
    step: Whole
    steps: Whole
    pid: Annotated[int, Field(gt=0, lt=1 << 31)]
    host: PrintableText
    time: Annotated[float, Field(ge=0, lt=1 << 40)]
    error: PrintableText = ""
    exit_code: Literal[0, 1, 2, 3, 4, 5, 75] = 0


def _explained(status: Status) -> Status:
    if status.state == "error" and not status.exit_code:
        raise ValueError("an error without its exit code")
    return status


_STATUS = TypeAdapter(Annotated[Status, AfterValidator(_explained)])


def read_status(run: Folder) -> Status | None:
    """Read status.json; None before it is first written. Raises DataError if it is damaged."""
    if not run.exists(STATUS):
        return None
    return read_json(run, STATUS, _STATUS, "it is written again when the run goes on")


def write_status(run: Folder, state: State, step: int, steps: int, error: GanmillError | None = None) -> None:
    """Write status.json, for people and schedulers.

    It names the process that wrote it, and when; a process of the same number that started later is another one.

    Args:
        run: the run folder.
        state: how the run stands.
        step: the step the run stands at.
        steps: the last step.
        error: what ended the run, for the state "error".
    """
    writer = {"pid": os.getpid(), "host": socket.gethostname(), "time": time.time()}
    reason = {"error": str(error), "exit_code": error.exit_code} if error else {}
    run.write(STATUS, dump_json({"state": state, "step": step, "steps": steps, **writer, **reason}))
