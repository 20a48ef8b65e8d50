"""Systems on which a practice is looked at alone, and what is looked at."""

import tensorflow as tf

from gan_train.recipe.base import Recipe
from gan_train.systems.base import System
from gan_train.systems.step import run_phase
from tests.support.probes import Array, draw_of, phase_of
from tests.support.runs import small_recipe


def plain(*overrides: str) -> Recipe:
    """Without dropout and batch statistics, so that a score depends on its image alone."""
    return small_recipe("mnist-gan", "discriminator.dropout=0", "discriminator.initializer=he_normal", *overrides)


def scores(system: System, images: Array) -> Array:
    values: Array = system.players["discriminator"].network(images).numpy()[:, 0]
    return values


def trainable(system: System, player: str) -> dict[str, Array]:
    return {variable.path: variable.numpy() for variable in system.players[player].variables}


def update(system: System, name: str, batch: dict[str, tf.Tensor], step: int = 0) -> list[float]:
    """One phase as the trainer runs it."""
    outcome = run_phase(system, phase_of(system, name), batch, draw_of(step), tf.constant(step, tf.int64))
    return [float(value) for value in outcome]
