"""What every system is made of. The trainer knows only this file.

A player is a network with its optimizer. A phase is one optimizer update of one player. One training step runs the
phases of a system in order, each on the weights its predecessors left.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from gan_train.randomness import Draw
from gan_train.recipe import AdamConfig

Batch = dict[str, tf.Tensor]
"""This replica's real examples: "image" uint8 (n, height, width, channels), "label" int64 (n,)."""


@dataclass(frozen=True)
class Player:
    """A network whose trainable variables move together, by an optimizer of their own."""

    name: str
    network: keras.Model
    optimizer: keras.optimizers.Optimizer

    @property
    def variables(self) -> list[keras.Variable]:
        """What a phase of this player updates, and all it updates."""
        return list(self.network.trainable_variables)


@dataclass(frozen=True)
class Outcome:
    """What a phase computed on one replica.

    Attributes:
        losses: float32 (n,), one per example; the trainer takes the mean over the global batch.
        metrics: by name, float32 of any length, reported as the mean over the global batch.
    """

    losses: tf.Tensor
    metrics: dict[str, tf.Tensor]


@dataclass(frozen=True)
class Phase:
    """One optimizer update.

    Attributes:
        name: prefix of its metrics.
        player: name of the player that moves.
        loss: computes the outcome from this replica's batch; called while a tape watches the player's variables.
        metrics: names of the outcome's metrics, besides "loss".
    """

    name: str
    player: str
    loss: Callable[[Batch, Draw], Outcome]
    metrics: tuple[str, ...]


class System(ABC):
    """Networks plus an ordered list of phases.

    Attributes:
        players: by name.
        phases: of one step, in order.
        reals_per_step: real examples of the global batch that one step takes from the dataset.
        generator: makes images from latents.
    """

    players: dict[str, Player]
    phases: tuple[Phase, ...]
    reals_per_step: int
    generator: keras.Model

    @abstractmethod
    def evaluate(self, images: tf.Tensor, latents: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scalars worth logging at a snapshot, from uint8 real images and latents, all networks in inference mode."""


def build_player(name: str, network: keras.Model, config: AdamConfig) -> Player:
    """A player with Adam, its slots created now so that a checkpoint can restore them."""
    optimizer = keras.optimizers.Adam(
        config.learning_rate, beta_1=config.beta_1, beta_2=config.beta_2, epsilon=config.epsilon, name=f"{name}_adam"
    )
    optimizer.build(network.trainable_variables)
    return Player(name, network, optimizer)
