"""First weights of a run from a checkpoint of another one, matched by name and shape."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.notices import say
from gan_train.runs.ancestry import Ancestor
from gan_train.runs.checkpoint import read_variables
from gan_train.runs.layout import RECORD
from gan_train.runs.origin import Origin, Parent
from gan_train.systems.base import Player, System

Saved = Mapping[str, NDArray[Any]]

_SHOWN = 8
"""Lines about variables that were not taken; run.json has all of them."""

_OF_THE_RUN = ("learning_rate", "scale", "good_steps")
"""Last names of the variables of an optimizer that are not taken: the learning rate of its recipe, and its loss scale."""


def take_weights(system: System, origin: Origin, parent: Parent) -> Ancestor:
    """Set the variables of a fresh system to those of a checkpoint, where name and shape are the same.

    Weights come with their statistics, and with their moving average where both runs have one; a moving average that the other
    run does not have begins as a copy of the weights. The statistics of a layer are taken only if all of the layer fits, since
    a count of updates beside fresh moving averages would make these wrong. An optimizer is taken whole or not at all: slots
    that begin at zero under a count of updates that does not would make the first updates far too large. What a system keeps
    of its dataset is its own.

    Args:
        system: the system, as it is built.
        origin: the checkpoint.
        parent: what is to be taken of it.

    Returns:
        What was taken and what was left.

    Raises:
        UsageError: a player does not exist here or there, or nothing fits.
        DataError: the checkpoint is damaged.
    """
    saved = read_variables(origin.folder, origin.step, origin.record.dataset_digest)
    players = _players(system, saved, parent)
    taken, left, optimizers = 0, list[str](), list[str]()
    for player in players:
        named = {f"{player.name}/{variable.path}": variable for variable in player.network.variables}
        whole = _take(saved, named, left)
        taken += whole
        left += [f"{name}: only there" for name in _networks_variables(saved, player.name) if name not in named]
        if parent.optimizers:
            refusal = _take_optimizer(saved, player, whole == len(named))
            if refusal:
                left.append(f"{player.name}/optimizer: {refusal}")
            else:
                optimizers.append(player.name)
    taken += _take_average(system, saved, players, left)
    if not taken:
        raise UsageError(f"--init-from {parent.run}: nothing of it fits this recipe ({left[0]}); choose another run")
    return Ancestor(
        run=parent.run,
        recipe=origin.record.recipe.name,
        step=origin.step,
        run_digest=origin.commit.run,
        variables=origin.commit.files.variables,
        players=tuple(player.name for player in players),
        optimizers=tuple(optimizers),
        taken=taken,
        left=tuple(left),
    )


def tell(run: str, ancestor: Ancestor) -> None:
    """Say what a run took from another one, what not, and why."""
    say(f"{run}: {ancestor.taken} variables from {ancestor}")
    for line in ancestor.left[:_SHOWN]:
        say(f"not taken: {line}")
    if len(ancestor.left) > _SHOWN:
        say(f"not taken: {len(ancestor.left) - _SHOWN} more, which {RECORD} lists")


def _players(system: System, saved: Saved, parent: Parent) -> list[Player]:
    """The players that take weights."""
    there = {name.partition("/")[0] for name in saved} - {"average", "state"}
    for name in parent.players:
        if name not in system.players:
            raise UsageError(f"--init-players {name}: no such player; choose from: {', '.join(system.players)}")
        if name not in there:
            raise UsageError(f"--init-players {name}: {parent.run} has none; it has: {', '.join(sorted(there))}")
    return [player for name, player in system.players.items() if not parent.players or name in parent.players]


def _networks_variables(saved: Saved, player: str) -> Iterator[str]:
    """Names of the variables of a player's network in a checkpoint."""
    return (name for name in sorted(saved) if name.startswith(f"{player}/") and not name.startswith(f"{player}/optimizer/"))


def _fault(saved: Saved, name: str, variable: keras.Variable) -> str:
    """Why a variable cannot be taken, or ""."""
    if name not in saved:
        return "not there"
    there, here = saved[name].shape, tuple(variable.shape)
    return "" if there == here else f"shape {there} there, {here} here"


def _faults(saved: Saved, named: Mapping[str, keras.Variable]) -> dict[str, str]:
    """Why variables cannot be taken, by the names of those that cannot."""
    faults = {name: fault for name, variable in named.items() if (fault := _fault(saved, name, variable))}
    unfit = {_layer(name) for name in faults}
    for name, variable in named.items():
        if name not in faults and not variable.trainable and _layer(name) in unfit:
            faults[name] = "the rest of its layer does not fit"
    return faults


def _layer(variable: str) -> str:
    """The name of a variable's layer."""
    return variable.rpartition("/")[0]


def _take(saved: Saved, named: Mapping[str, keras.Variable], left: list[str]) -> int:
    """Assign what fits, and add a line for all else; the number of variables that were assigned."""
    faults = _faults(saved, named)
    for name, variable in named.items():
        if name in faults:
            left.append(f"{name}: {faults[name]}")
        else:
            variable.assign(saved[name])
    return len(named) - len(faults)


def _take_optimizer(saved: Saved, player: Player, whole: bool) -> str:
    """Assign the state of a player's optimizer; why it was not, or ""."""
    if not whole:
        return "not all weights of its player were taken"
    named = {f"{player.name}/optimizer/{variable.path}": variable for variable in player.optimizer.variables}
    required = {name: variable for name, variable in named.items() if name.rpartition("/")[2] not in _OF_THE_RUN}
    faults = [f"{name.rpartition('/')[2]}: {fault}" for name, one in required.items() if (fault := _fault(saved, name, one))]
    if faults:
        return faults[0]
    for name, variable in required.items():
        variable.assign(saved[name])
    return ""


def _take_average(system: System, saved: Saved, players: list[Player], left: list[str]) -> int:
    """Set the moving average, if there is one and its player took weights; the number of variables taken for it."""
    there = any(name.startswith("average/") for name in saved)
    if system.average is None:
        left += ["average: only there"] if there else []
        return 0
    average, original = system.average.network.variables, system.average.original.variables
    owned = {id(variable) for player in players for variable in player.network.variables}
    if not any(id(variable) in owned for variable in original):
        return 0
    named = {f"average/{own.path}": own for own in average}
    faults = _faults(saved, named)
    for (name, own), current in zip(named.items(), original, strict=True):
        if name in faults:
            own.assign(current)
            left += [f"{name}: {faults[name]}"] if there else []
        else:
            own.assign(saved[name])
    return len(named) - len(faults)
