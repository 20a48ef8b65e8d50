"""Looks into one phase of a system: what its networks were shown, what it computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import gan_train.systems.gan as gan
import gan_train.systems.two_players as two_players
from gan_train.numerics.randomness import Draw
from gan_train.recipe.base import Recipe
from gan_train.systems.base import Phase, System

Array = NDArray[np.float32]


@dataclass
class Shown:
    """Inputs of the networks, in the order of their passes.

    Attributes:
        images: of every training pass of the discriminator.
        latents: of every pass of the generator, in either mode.
        made: what the generator made of them.
    """

    images: list[Array] = field(default_factory=list)
    latents: list[Array] = field(default_factory=list)
    made: list[Array] = field(default_factory=list)


@contextmanager
def watching(system: System) -> Iterator[Shown]:
    """Note what the networks of an eager system are shown."""
    shown = Shown()

    def noting(real_pass: Any) -> Any:
        def noted(network: Any, inputs: tf.Tensor, *rest: Any, **options: Any) -> tf.Tensor:
            outputs = real_pass(network, inputs, *rest, **options)
            if network is system.generator:
                shown.latents.append(inputs.numpy())
                shown.made.append(outputs.numpy())
            else:
                shown.images.append(inputs.numpy())
            return outputs

        return noted

    noted_training, noted_inference = noting(two_players.training_pass), noting(two_players.inference_pass)
    with (
        mock.patch.object(gan, "training_pass", noted_training),
        mock.patch.multiple(two_players, training_pass=noted_training, inference_pass=noted_inference),
    ):
        yield shown


@dataclass(frozen=True)
class Seen:
    """One phase's outcome beside what its networks were shown."""

    losses: Array
    metrics: dict[str, Array]
    shown: Shown


def draw_of(step: int = 0, phase: int = 0, seed: int = 0) -> Draw:
    return Draw(seed, tf.constant(step, tf.int64), phase, 0, 1)


def phase_of(system: System, name: str) -> Phase:
    return next(phase for phase in system.phases if phase.name == name)


def reals(recipe: Recipe, seed: int = 0) -> dict[str, tf.Tensor]:
    """One batch of random real images."""
    images = np.random.default_rng(seed).integers(0, 256, (recipe.batch_size // 2, *recipe.image.shape), np.uint8)
    return {"image": tf.constant(images), "label": tf.zeros(len(images), tf.int64)}


def look(system: System, name: str, batch: dict[str, tf.Tensor], step: int = 0) -> Seen:
    """Compute a phase's outcome and update nothing."""
    with watching(system) as shown:
        outcome = phase_of(system, name).loss(batch, draw_of(step))
    return Seen(outcome.losses.numpy(), {metric: value.numpy() for metric, value in outcome.metrics.items()}, shown)
