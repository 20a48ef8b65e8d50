"""The run folder: its recipe.yaml and run.json, which say what the run is, and its status.json, which says where it stands."""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from gan_core.documents import PrintableText, StoredName, Whole, first_fault, read_json, read_yaml
from gan_core.errors import DataError, GanmillError, StorageError, UsageError
from gan_core.names import escape_name
from gan_core.storage import WORK, Folder, open_folder
from gan_pipeline.dataset.manifest import dump_json
from gan_train.recipe.base import INTERVALS, Recipe
from gan_train.recipe.document import (
    OUTSIDE_A_STEP,
    UnknownSystemError,
    changed_recipe,
    check_recipe,
    difference,
    dump_recipe,
    load_recipe,
    recipe_names,
)
from gan_train.recipe.installed import OWN, installed
from gan_train.runs.ancestry import Ancestor
from gan_train.runs.commits import newest_dataset
from gan_train.runs.layout import RECIPE, RECORD, STATUS

_PACKAGES = ("ganmill", "tensorflow", "keras", "numpy")


@dataclass(frozen=True)
class RunRecord:
    """The content of recipe.yaml and run.json: enough to train the run again.

    Attributes:
        recipe: with every value.
        dataset: the folder of the dataset when the run began.
        dataset_digest: identifies the content of the dataset.
        class_names: of the dataset, by number; none if the recipe learns no classes, or an earlier version made the run.
        packages: versions of the packages that decide what a run computes, by name.
        ancestry: the runs that its first weights come from, the nearest first; none of a run that began with fresh weights.
    """

    recipe: Recipe
    dataset: str
    dataset_digest: str
    class_names: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    ancestry: tuple[Ancestor, ...] = ()


def write_record(
    run: Folder,
    recipe: Recipe,
    dataset: str,
    digest: str,
    class_names: Sequence[str] = (),
    ancestry: Sequence[Ancestor] = (),
) -> None:
    """Write recipe.yaml and run.json, unless the folder is the run of this recipe and dataset already.

    Args:
        run: the run folder.
        recipe: with every value.
        dataset: the dataset folder, as the caller named it.
        digest: identifies the content of the dataset.
        class_names: of the dataset; they are written if the recipe learns classes, so that tools know them without the dataset.
        ancestry: the runs that the first weights come from, the nearest first.

    Raises:
        UsageError, DataError: as `check_record` says.
    """
    check_record(run, recipe, dataset, digest)
    if not run.exists(RECIPE):
        facts: dict[str, Any] = {"dataset": escape_name(dataset), "dataset_digest": digest, "packages": packages(recipe)}
        if recipe.dataset_classes:
            facts["class_names"] = list(class_names)
        if ancestry:
            facts["ancestry"] = [asdict(one) | {"run": escape_name(one.run)} for one in ancestry]
        run.write(RECORD, dump_json(facts))
        # Last: where it is, there is a run.
        run.write(RECIPE, dump_recipe(recipe).encode())


def check_record(run: Folder, recipe: Recipe, dataset: str, digest: str) -> None:
    """Check that a folder is empty, or the run of this recipe and dataset; the last step and intervals may differ.

    Raises:
        UsageError: it holds another run, or something else.
        DataError: its run.json names another dataset than its newest checkpoint, which knows the right one.
    """
    if not run.exists(RECIPE):
        foreign = [name for name in run.names() if name != RECORD and not name.startswith(f"{WORK}/")]
        if foreign:
            raise UsageError(f"{run.uri}: holds other files ({foreign[0]}); choose an empty or new folder with -o")
        return
    before = read_record(run)
    changed = difference(before.recipe, recipe, (*OUTSIDE_A_STEP, *INTERVALS))
    if changed:
        raise UsageError(
            f"{run.uri}: made with another recipe ({changed}); choose another folder with -o, where --init-from {run.uri} "
            "takes this run's weights"
        )
    if before.dataset_digest != digest:
        check_digest(run, before)
        raise UsageError(
            f"{run.uri}: made with dataset {before.dataset_digest[:12]} ({before.dataset}), now given {digest[:12]} "
            f"({dataset}); choose another folder with -o, or the earlier dataset"
        )


def check_digest(run: Folder, record: RunRecord) -> None:
    """Check that the record names the dataset that the run's newest checkpoint was trained on, if there is one.

    Raises:
        DataError: it does not; or the checkpoint's COMMIT is damaged.
    """
    known = newest_dataset(run)
    if known and known != record.dataset_digest:
        raise DataError(
            f"{run.locate(RECORD if run.exists(RECORD) else RECIPE)}: its dataset_digest, {record.dataset_digest[:12]}, is "
            f"not that of its checkpoints: it was edited; write there again {known}"
        )


def holds_run(run: Folder) -> bool:
    """Whether a folder holds a run."""
    return run.exists(RECIPE)


def as_recorded(recipe: Recipe, run: Folder) -> Recipe:
    """The recipe with precision "auto" replaced by that of the run so far, if there is one."""
    if recipe.precision != "auto" or not holds_run(run):
        return recipe
    return recipe.model_copy(update={"precision": read_record(run).recipe.precision})


def find_recipe(name: str, overrides: Sequence[str] = (), short: bool = False) -> Recipe:
    """A recipe by its name, that of a YAML file, or that of a run.

    Args:
        name: of a recipe, of a file that ends in .yaml or .yml, or of a run folder, a path or gs:// URI.
        overrides, short: as in `load_recipe`.

    Raises:
        UsageError: as `load_recipe`, or `short` of a run, which has no short training.
        DataError: the run is damaged.
    """
    if name in recipe_names() or name.endswith((".yaml", ".yml")) or not _names_run(name):
        return load_recipe(name, overrides, short)
    if short:
        raise UsageError(f"{name}: a run has no short training; leave out --short")
    return changed_recipe(read_record(open_folder(name)).recipe, overrides)


def _names_run(name: str) -> bool:
    if not name.strip("/"):
        return False
    try:
        return holds_run(open_folder(name))
    except StorageError:
        if name.startswith("gs://"):
            raise
        # A name that no file system takes, such as one of 5,000 characters.
        return False


def packages(recipe: Recipe) -> dict[str, str]:
    """Versions of the packages that decide what a run by this recipe computes, with the plug-in of its system."""
    system = installed().systems[recipe.system]
    plugin = {} if system.package == OWN else {system.package: system.version}
    return {package: version(package) for package in _PACKAGES} | plugin


def read_record(run: Folder) -> RunRecord:
    """The recipe and dataset of a run.

    Runs of version 0.1 have no run.json; its content is the second document of their recipe.yaml.

    Raises:
        DataError: the folder holds none, or a damaged one.
        UsageError: the system of the recipe is not installed.
    """
    if not run.exists(RECIPE):
        raise DataError(f"{run.uri}: no {RECIPE} here; give the folder of a run made by 'gan-train run'")
    where, remedy = run.locate(RECIPE), "restore it, or start a new run in another folder"
    documents = read_yaml(run, RECIPE, remedy)
    try:
        if run.exists(RECORD):
            facts = read_json(run, RECORD, _FACTS, remedy)
        elif len(documents) == 2:
            facts = _FACTS.validate_python(documents.pop())
        else:
            raise ValueError(f"there is no {RECORD} beside it")
        if len(documents) != 1:
            raise ValueError(f"{len(documents)} YAML documents in it, not 1")
        recipe = check_recipe(documents[0], where)
        if facts.class_names and len(facts.class_names) != recipe.dataset_classes:
            raise ValueError(f"{len(facts.class_names)} class_names, but {recipe.dataset_classes} classes")
    except UnknownSystemError:
        raise
    except ValidationError as error:
        raise DataError(f"{where}: damaged ({first_fault(error)}); {remedy}") from error
    except (ValueError, UsageError) as error:
        raise DataError(f"{where}: damaged ({error}); {remedy}") from error
    return RunRecord(recipe, facts.dataset, facts.dataset_digest, facts.class_names, facts.packages, facts.ancestry)


@dataclass(frozen=True)
class _Facts:
    """The content of run.json."""

    dataset: StoredName
    dataset_digest: PrintableText
    packages: dict[str, PrintableText] = field(default_factory=dict)
    class_names: tuple[Annotated[str, BeforeValidator(str)], ...] = ()
    ancestry: tuple[Ancestor, ...] = ()


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
        reason: why it finished before its last step, or "".
        error: message of the error, or "".
        exit_code: of the error, or 0.
    """

    state: State
    step: Whole
    steps: Whole
    pid: Annotated[int, Field(gt=0, lt=1 << 31)]
    host: PrintableText
    time: Annotated[float, Field(ge=0, lt=1 << 40)]
    reason: PrintableText = ""
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


def write_status(run: Folder, state: State, step: int, steps: int, error: GanmillError | None = None, reason: str = "") -> None:
    """Write status.json, for people and schedulers.

    It names the process that wrote it, and when; a process of the same number that started later is another one.

    Args:
        run: the run folder.
        state: how the run stands.
        step: the step the run stands at.
        steps: the last step.
        error: what ended the run, for the state "error".
        reason: why it finished before its last step.
    """
    writer = {"pid": os.getpid(), "host": socket.gethostname(), "time": time.time()}
    fault = {"error": str(error), "exit_code": error.exit_code} if error else {}
    early = {"reason": reason} if reason else {}
    run.write(STATUS, dump_json({"state": state, "step": step, "steps": steps, **writer, **early, **fault}))
