"""Checkpoints. Each is complete or absent, and enough to continue bit for bit.

    checkpoints/step-00000450/
        variables.safetensors   every variable of every network and optimizer, by name
        state.json              step, dataset digest, versions
        COMMIT                  sha256 of both, written last

Random numbers and the data position follow from the step and the run's records of rollbacks and of skipped shards, so
they need no state.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from gan_core.errors import DataError
from gan_core.storage import WORK, Folder
from gan_pipeline.dataset.manifest import dump_json
from gan_train.runs.layout import COMMIT, STATE, VARIABLES, checkpoint_files, checkpoint_folder, committed_steps
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
    state = {"step": step, "dataset_digest": digest, "packages": {p: version(p) for p in ("tensorflow", "keras")}}
    contents = {VARIABLES: save(variables), STATE: dump_json(state)}
    for name, content in contents.items():
        run.write(f"{folder}/{name}", content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    run.write(f"{folder}/{COMMIT}", dump_json(sums))


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


def remove_uncommitted(run: Folder) -> None:
    """Remove what a killed process left: checkpoints that it did not commit, and temporary files.

    Files that follow none of our names stay. To be called before this process writes.
    """
    whole = committed_steps(run)
    for files in (checkpoint_files(VARIABLES), checkpoint_files(STATE)):
        for step in files.steps(run):
            if step not in whole:
                run.remove(files.name(step))
    for name in run.names(f"{WORK}/"):
        if name.endswith(".tmp"):
            run.remove(name)


def restore_checkpoint(run: Folder, system: System, step: int) -> None:
    """Set every variable of the system to its value at a committed step.

    Raises:
        DataError: the checkpoint is damaged, or belongs to other networks.
    """
    folder = checkpoint_folder(step)
    saved = _read_variables(run, folder)
    wanted = named_variables(system)
    if saved.keys() != wanted.keys():
        odd = sorted(saved.keys() ^ wanted.keys())[0]
        raise DataError(f"{run.locate(folder)}: variable {odd} is on one side only; the networks changed since it was written")
    for name, variable in wanted.items():
        if tuple(variable.shape) != saved[name].shape:
            raise DataError(f"{run.locate(folder)}: {name} has shape {saved[name].shape}, the network has {variable.shape}")
        variable.assign(saved[name])


def restore_state(run: Folder, system: System, step: int) -> None:
    """Set a system's own variables, which hold what it keeps of the dataset, to their values at a committed step.

    Networks and optimizers stay as they are.

    Raises:
        DataError: the checkpoint is damaged, or has no such variables.
    """
    folder = checkpoint_folder(step)
    saved = _read_variables(run, folder)
    for variable in system.state:
        name = f"{_OF_SYSTEM}/{variable.path}"
        if name not in saved or saved[name].shape != tuple(variable.shape):
            raise DataError(f"{run.locate(folder)}: keeps no {name} of shape {tuple(variable.shape)}; another system wrote it")
        variable.assign(saved[name])


def _read_variables(run: Folder, folder: str) -> Mapping[str, NDArray[Any]]:
    broken = f"{run.locate(folder)}: damaged; remove this folder to continue from the checkpoint before it"
    try:
        sums = json.loads(run.read(f"{folder}/{COMMIT}"))
        for name, expected in sums.items():
            if hashlib.sha256(run.read(f"{folder}/{name}")).hexdigest() != expected:
                raise DataError(f"{broken} ({name} is not what was committed)")
        variables: Mapping[str, NDArray[Any]] = load(run.read(f"{folder}/{VARIABLES}"))
    except (ValueError, AttributeError, SafetensorError) as error:
        raise DataError(f"{broken} ({error})") from error
    return variables
