"""Checkpoints: complete or absent, and enough to continue bit for bit.

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
"""Before the names of a system's own variables."""


def named_variables(system: System) -> dict[str, keras.Variable]:
    """Every variable that moves in training, by a name that does not depend on how it was built."""
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
    """Write a checkpoint and commit it; one of the same step is uncommitted first, so that none is ever a mixture."""
    place = checkpoint_folder(step)
    run.remove(f"{place}/{COMMIT}")
    variables = {name: np.asarray(variable.numpy(), order="C") for name, variable in named_variables(system).items()}
    state = {"step": step, "dataset_digest": digest, "packages": {p: version(p) for p in ("tensorflow", "keras")}}
    contents = {VARIABLES: save(variables), STATE: dump_json(state)}
    for name, content in contents.items():
        run.write(f"{place}/{name}", content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    run.write(f"{place}/{COMMIT}", dump_json(sums))


def remove_all_but(run: Folder, kept: Collection[int]) -> None:
    """Remove all complete checkpoints but those of these steps, oldest first."""
    for step in committed_steps(run):
        if step not in kept:
            remove_checkpoint(run, step)


def newest_files(run: Folder) -> dict[str, bytes]:
    """The files of the newest complete checkpoint, by name; none if there is none."""
    steps = committed_steps(run)
    return {name: run.read(name) for name in run.names(f"{checkpoint_folder(steps[-1])}/")} if steps else {}


def remove_checkpoint(run: Folder, step: int) -> None:
    """Remove a checkpoint; its commit goes first, so that a half-removed one is absent."""
    place = checkpoint_folder(step)
    run.remove(f"{place}/{COMMIT}")
    run.remove_all(f"{place}/")


def remove_uncommitted(run: Folder) -> None:
    """Remove what a killed process left of a checkpoint it did not commit; what a user put beside it stays.

    With it go the temporary files of whatever it was writing. Call it before this process writes.
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
    place = checkpoint_folder(step)
    saved = _read_variables(run, place)
    wanted = named_variables(system)
    if saved.keys() != wanted.keys():
        odd = sorted(saved.keys() ^ wanted.keys())[0]
        raise DataError(f"{run.locate(place)}: variable {odd} is on one side only; the networks changed since it was written")
    for name, variable in wanted.items():
        if tuple(variable.shape) != saved[name].shape:
            raise DataError(f"{run.locate(place)}: {name} has shape {saved[name].shape}, the network wants {variable.shape}")
        variable.assign(saved[name])


def restore_state(run: Folder, system: System, step: int) -> None:
    """Set what a system keeps of the dataset to its value at a committed step, and leave networks and optimizers alone.

    Raises:
        DataError: the checkpoint is damaged, or keeps something else.
    """
    place = checkpoint_folder(step)
    saved = _read_variables(run, place)
    for variable in system.state:
        name = f"{_OF_SYSTEM}/{variable.path}"
        if name not in saved or saved[name].shape != tuple(variable.shape):
            raise DataError(f"{run.locate(place)}: keeps no {name} of shape {tuple(variable.shape)}; another system wrote it")
        variable.assign(saved[name])


def _read_variables(run: Folder, place: str) -> Mapping[str, NDArray[Any]]:
    broken = f"{run.locate(place)}: damaged; remove this folder to continue from the checkpoint before it"
    try:
        sums = json.loads(run.read(f"{place}/{COMMIT}"))
        for name, expected in sums.items():
            if hashlib.sha256(run.read(f"{place}/{name}")).hexdigest() != expected:
                raise DataError(f"{broken} ({name} is not what was committed)")
        variables: Mapping[str, NDArray[Any]] = load(run.read(f"{place}/{VARIABLES}"))
    except (ValueError, AttributeError, SafetensorError) as error:
        raise DataError(f"{broken} ({error})") from error
    return variables
