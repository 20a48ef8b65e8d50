"""Checkpoints. Each is complete or absent, and enough to continue bit for bit.

    checkpoints/step-00000450/
        variables.safetensors   every variable of every network and optimizer, by name
        state.json              step, dataset digest, versions
        COMMIT                  which step of which run and dataset this is, and the sha256 of both files; written last

A checkpoint is only restored where all of that holds, so that files which were damaged, or copied here from another step
or another run, are never taken for this run's.

Random numbers and the data position follow from the step and the run's records of rollbacks and of skipped shards, so
they need no state.
"""

import hashlib
from collections.abc import Collection, Mapping
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gan_core.documents import parse_json
from gan_core.errors import DataError
from gan_core.storage import Folder, LocalFolder
from gan_pipeline.dataset.manifest import dump_json
from gan_train.runs.commits import REMEDY, STATE_TYPE, Commit, Files, State, read_commit, run_digest
from gan_train.runs.layout import (
    COMMIT,
    RECIPE,
    RECORD,
    STATE,
    VARIABLES,
    checkpoint_files,
    checkpoint_folder,
    committed_steps,
)
from gan_train.systems.base import System

_OF_SYSTEM = "state"
"""First part of the names of a system's own variables."""


def named_variables(system: System) -> dict[str, keras.Variable]:
    """Every variable that training changes, by a name that does not depend on how the variable was built."""
    named = {}
    for player in system.players.values():
        for variable in player.network.variables:
            named[f"{player.name}/{variable.path}"] = variable
        for variable in player.optimizer.variables:
            named[f"{player.name}/optimizer/{variable.path}"] = variable
    if system.average:
        named |= {f"average/{variable.path}": variable for variable in system.average.network.variables}
    return named | {f"{_OF_SYSTEM}/{variable.path}": variable for variable in system.state}


def save_checkpoint(run: Folder, system: System, step: int, digest: str) -> None:
    """Write a checkpoint and commit it. An earlier one of the same step is uncommitted first, so that none is a mixture."""
    folder = checkpoint_folder(step)
    run.remove(f"{folder}/{COMMIT}")
    variables = {name: np.asarray(variable.numpy(), order="C") for name, variable in named_variables(system).items()}
    packages = {package: version(package) for package in ("tensorflow", "keras")}
    state = dump_json(State(step=step, dataset_digest=digest, packages=packages).model_dump())
    saved = save(variables)
    run.write(f"{folder}/{VARIABLES}", saved)
    run.write(f"{folder}/{STATE}", state)
    files = Files(variables=_sha256(saved), state=_sha256(state))
    run.write(f"{folder}/{COMMIT}", dump_json(Commit(step=step, run=run_digest(run), dataset=digest, files=files).model_dump()))


def remove_all_but(run: Folder, kept: Collection[int]) -> None:
    """Remove all complete checkpoints but those of these steps, oldest first."""
    for step in committed_steps(run):
        if step not in kept:
            remove_checkpoint(run, step)


def newest_files(run: Folder) -> dict[str, bytes]:
    """The content of the files of the newest complete checkpoint, by name; empty if there is no checkpoint."""
    steps = committed_steps(run)
    return {name: run.read(name) for name in run.names(f"{checkpoint_folder(steps[-1])}/")} if steps else {}


def remove_checkpoint(run: Folder, step: int) -> None:
    """Remove a checkpoint. Its COMMIT goes first, so that a checkpoint that is half removed is absent."""
    folder = checkpoint_folder(step)
    run.remove(f"{folder}/{COMMIT}")
    run.remove_all(f"{folder}/")


def remove_uncommitted(run: LocalFolder) -> None:
    """Remove what a killed process left: checkpoints that it did not commit, and temporary files.

    Temporary files of processes that live, such as an `evaluate` of this run, stay, and so do files that follow none of our
    names. To be called before this process writes.
    """
    whole = committed_steps(run)
    for files in (checkpoint_files(VARIABLES), checkpoint_files(STATE)):
        for step in files.steps(run):
            if step not in whole:
                run.remove(files.name(step))
    run.remove_abandoned()


def restore_checkpoint(run: Folder, system: System, step: int, digest: str) -> None:
    """Set every variable of the system to its value at a committed step.

    Args:
        run: folder of the run.
        system: its networks and optimizers, built as when the checkpoint was written.
        step: one of `committed_steps`.
        digest: of the dataset that the run trains on.

    Raises:
        DataError: the checkpoint is damaged, or belongs to another step, run or dataset, or to other networks.
    """
    folder = checkpoint_folder(step)
    saved = read_variables(run, step, digest)
    wanted = named_variables(system)
    if saved.keys() != wanted.keys():
        odd = sorted(saved.keys() ^ wanted.keys())[0]
        raise DataError(f"{run.locate(folder)}: variable {odd} is on one side only; the networks changed since it was written")
    for name, variable in wanted.items():
        if tuple(variable.shape) != saved[name].shape:
            raise DataError(f"{run.locate(folder)}: {name} has shape {saved[name].shape}, the network has {variable.shape}")
        variable.assign(saved[name])


def restore_state(run: Folder, system: System, step: int, digest: str) -> None:
    """Set a system's own variables, which hold what it keeps of the dataset, to their values at a committed step.

    Networks and optimizers stay as they are. The arguments are those of `restore_checkpoint`.

    Raises:
        DataError: the checkpoint is damaged, or belongs to another step, run or dataset, or has no such variables.
    """
    folder = checkpoint_folder(step)
    saved = read_variables(run, step, digest)
    for variable in system.state:
        name = f"{_OF_SYSTEM}/{variable.path}"
        if name not in saved or saved[name].shape != tuple(variable.shape):
            raise DataError(f"{run.locate(folder)}: keeps no {name} of shape {tuple(variable.shape)}; another system wrote it")
        variable.assign(saved[name])


def read_variables(run: Folder, step: int, digest: str) -> Mapping[str, NDArray[Any]]:
    """Every variable of a checkpoint by name, after all that its COMMIT says was compared with what is there.

    Raises:
        DataError: the checkpoint is damaged, or belongs to another step, run or dataset.
    """
    folder = checkpoint_folder(step)
    where, remedy = run.locate(folder), REMEDY
    for name in (VARIABLES, STATE):
        if not run.exists(f"{folder}/{name}"):
            raise DataError(f"{where}: damaged ({name} is missing); {remedy}")
    commit = read_commit(run, step)
    contents = {name: run.read(f"{folder}/{name}") for name in (VARIABLES, STATE)}
    for name, expected in ((VARIABLES, commit.files.variables), (STATE, commit.files.state)):
        if _sha256(contents[name]) != expected:
            raise DataError(f"{where}: damaged ({name} is not what was committed); {remedy}")
    state = parse_json(contents[STATE], STATE_TYPE, run.locate(f"{folder}/{STATE}"), remedy)
    if not step == commit.step == state.step:
        raise DataError(f"{where}: holds step {state.step}, not step {step}: its files were copied here; {remedy}")
    if commit.dataset != state.dataset_digest:
        raise DataError(f"{where}: {COMMIT} and {STATE} name different datasets: one of them was edited; {remedy}")
    if digest != commit.dataset:
        raise DataError(
            f"{where}: trained on dataset {commit.dataset[:12]}, but the run on {digest[:12]}: if {RECORD} was edited, write "
            f"there again {commit.dataset}; if the checkpoint was copied here from another run, {remedy}"
        )
    if commit.run != run_digest(run):
        raise DataError(f"{where}: belongs to a run with another {RECIPE} or {RECORD}: put those back that it had, or {remedy}")
    try:
        variables: Mapping[str, NDArray[Any]] = load(contents[VARIABLES])
    except (ValueError, AttributeError, SafetensorError) as error:
        raise DataError(f"{where}: damaged ({VARIABLES}: {error}); {remedy}") from error
    return variables


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
