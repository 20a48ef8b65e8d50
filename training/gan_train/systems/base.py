"""The parts of every system. The training loop knows only this file.

A player is a network with its optimizer. A phase is one optimizer update of one player. A turn is a sequence of phases, which
may be repeated. One training step takes the turns of a system in order, each phase on the weights that the phases before it
left.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from gan_pipeline.dataset.records import Example
from gan_train.numerics.learning_rate import learning_rate
from gan_train.numerics.moving_average import MovingAverage
from gan_train.numerics.optimizers import Optimizer, build_optimizer
from gan_train.numerics.precision import Precision
from gan_train.numerics.randomness import Draw
from gan_train.recipe.opponents import Role
from gan_train.recipe.optimizer_config import OptimizerConfig

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
"""Names of players."""

DISCRIMINATOR_SEEDS = 1_000
"""Distance of the discriminator's initial seeds from the generator's."""

Batch = dict[str, tf.Tensor]
"""This replica's real examples: "image" uint8 (n, height, width, channels), "label" int64 (n,), "point" float32 (n, 2); of
translations "source" and "target", or "a" and "b", uint8 images; and what a turn's `prepare` adds."""

GeneratorInputs: TypeAlias = tf.Tensor | list[tf.Tensor]
"""The input of a generator: latents, float32 (n, size), or [latents, classes], classes int32 (n,)."""


@dataclass(frozen=True)
class Player:
    """A network whose trainable variables move together, by an optimizer of their own."""

    name: str
    network: keras.Model
    optimizer: Optimizer
    config: OptimizerConfig

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables that a phase of this player updates."""
        return list(self.network.trainable_variables)

    def learning_rate(self, step: tf.Tensor) -> tf.Tensor:
        """The learning rate at a step, float32 scalar."""
        return learning_rate(self.config.schedule, self.config.learning_rate, step)


@dataclass(frozen=True)
class Outcome:
    """The result of a phase on one replica.

    Attributes:
        losses: float32 (n,), one per example; the trainer takes the mean over the global batch.
        metrics: float32 tensors of any length, by name; the log has their means over the global batch.
    """

    losses: tf.Tensor
    metrics: dict[str, tf.Tensor]


@dataclass(frozen=True)
class Phase:
    """One optimizer update.

    Attributes:
        name: prefix of the phase's metrics in the log.
        player: name of the player that moves.
        role: what the phase trains; the names of phases with the role "discriminator" or "generator" are those of the
            recipe's `opponents`.
        loss: computes the outcome from this replica's batch; called while a tape watches the player's variables.
        metrics: names of the outcome's metrics, besides "loss".
        after: called with the outcome on every replica once the variables have moved, to clip weights or to move `state`.
        every: the phase runs only in steps divisible by this number; all phases of a system with a number above 1 share it.
        partial: whether the loss may leave some of the player's variables out.
    """

    name: str
    player: str
    role: Role
    loss: Callable[[Batch, Draw], Outcome]
    metrics: tuple[str, ...]
    after: Callable[[Outcome], None] | None = None
    every: int = 1
    partial: bool = False


@dataclass(frozen=True)
class Turn:
    """A sequence of phases.

    Attributes:
        phases: the phases, each on the weights that the ones before it left.
        times: number of repetitions.
        reads: whether each repetition takes a fresh batch of real examples, rather than the last one.
        prepare: computes, before the first phase, what all phases of the turn add to their batch.
    """

    phases: tuple[Phase, ...]
    times: int = 1
    reads: bool = True
    prepare: Callable[[Batch, Draw], Batch] | None = None


class System(ABC):
    """Networks and an ordered list of turns. Build it inside the strategy's scope, so that its variables are mirrored.

    Attributes:
        players: players by name.
        turns: turns of one step, in order.
        reals_per_batch: real examples of a global batch.
        average: the moving average of a network, if the recipe asks for one.
        state: variables besides those of networks and optimizers that a checkpoint holds.
    """

    players: dict[str, Player]
    turns: tuple[Turn, ...]
    reals_per_batch: int
    average: MovingAverage | None = None
    state: tuple[keras.Variable, ...] = ()

    @property
    @abstractmethod
    def models(self) -> dict[str, keras.Model]:
        """The networks that a snapshot saves in plain Keras, by the kinds of the recipe's `networks` and maybe more."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of all turns, each once, in order."""
        return tuple(phase for turn in self.turns for phase in turn.phases)

    @property
    def batches_per_step(self) -> int:
        """Number of batches of real examples that one step takes from the dataset."""
        return sum(turn.times for turn in self.turns if turn.reads)

    @property
    def reals_per_step(self) -> int:
        """Number of real examples that one step takes from the dataset."""
        return self.batches_per_step * self.reals_per_batch

    def prepare_state(self, examples: Iterator[Example]) -> None:  # noqa: B027 - most systems take nothing
        """Fill `state` from the dataset, before the first step of a run.

        Args:
            examples: one pass over the training data, in training order.

        Raises:
            DataError: the dataset has too few examples for it.
        """

    def derived_metrics(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Further metrics of a step, computed from those of its phases."""
        return {}

    def settle(self) -> None:  # noqa: B027 - most systems have nothing to compute
        """Compute what only networks that are shown and saved have; called before each snapshot. It moves no variable of a
        checkpoint."""

    @property
    def summary(self) -> dict[str, Any]:
        """Facts about the networks, by name, that `gan-train run --dry-run` prints."""
        return {}


class SamplingSystem(System):
    """A system whose generator makes examples from latents.

    Attributes:
        generator: the generator that trains.
    """

    generator: keras.Model

    @property
    def sampler(self) -> keras.Model:
        """The generator whose images are shown and saved: the average where there is one."""
        return self.average.network if self.average else self.generator

    @property
    def models(self) -> dict[str, keras.Model]:
        return {GENERATOR: self.sampler}

    @abstractmethod
    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """Scalars that a snapshot logs, with all networks in inference mode.

        Args:
            reals: n real examples.
            inputs: the generator's inputs for n generated examples.
        """


def build_player(name: str, network: keras.Model, config: OptimizerConfig, precision: Precision) -> Player:
    """A player with its optimizer, whose slots are created now so that a checkpoint can restore them."""
    return Player(name, network, build_optimizer(config, name, network.trainable_variables, precision), config)
