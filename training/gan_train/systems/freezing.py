"""Layers that get no update, as in Freeze-D (Mo, Cho and Shin 2020): first weights of another run that a run must not change.

A frozen layer has no optimizer slots, its batch normalisation uses and keeps its moving averages, and its spectral
normalisation keeps its singular vectors. Gradients flow through it to the layers before it. Where two players share a layer,
it is frozen for both.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import keras

from gan_core.errors import UsageError
from gan_train.numerics.optimizers import build_optimizer
from gan_train.numerics.precision import Precision
from gan_train.systems.base import System


def freeze(system: System, names: Sequence[str], precision: Precision) -> None:
    """Freeze layers of a system whose players are built. Call it inside the strategy's scope.

    Args:
        system: the system.
        names: "PLAYER.LAYER" or "PLAYER.LAYER_1..3", the first to the third of numbered layers. A layer's name is also that
            of the layers that belong to it: "down_1" means "down_1_normalised", too.
        precision: of the players' layers.

    Raises:
        UsageError: there is no such player or layer, or nothing of a player is left to train.
    """
    for name in names:
        owner, _, pattern = name.partition(".")
        if owner not in system.players:
            raise UsageError(f"freeze: {name}: no player {owner!r}; choose one of: {', '.join(system.players)}")
        layers = list(_layers(system.players[owner].network))
        for wanted in _expanded(pattern):
            chosen = [layer for layer in layers if layer.name == wanted or layer.name.startswith(f"{wanted}_")]
            if not any(layer.weights for layer in chosen):
                known = ", ".join(dict.fromkeys(layer.name for layer in layers if layer.weights))
                raise UsageError(f"freeze: {name}: no layer {wanted!r} with weights; choose from: {known}")
            for layer in chosen:
                layer.trainable = False
    if not names:
        return
    for owner, player in system.players.items():
        if not player.variables:
            raise UsageError(f"freeze: {', '.join(names)}: nothing of {owner} is left to train")
        # Anew, so that it has slots for the variables that it updates and no others.
        optimizer = build_optimizer(player.config, owner, player.variables, precision)
        system.players[owner] = replace(player, optimizer=optimizer)


def _expanded(pattern: str) -> list[str]:
    """The names of layers that "down_2" and "down_1..3" mean."""
    numbered = re.fullmatch(r"(.*?)(\d+)\.\.(\d+)", pattern)
    if not numbered:
        return [pattern]
    first, last = int(numbered[2]), int(numbered[3])
    if first > last:
        raise UsageError(f"freeze: {pattern}: the first number is the larger one")
    return [f"{numbered[1]}{number}" for number in range(first, last + 1)]


def _layers(network: keras.Model) -> Iterator[keras.Layer]:
    """All layers of a network, and of networks in it."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer
