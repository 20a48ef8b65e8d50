"""What every system is made of. The trainer knows only this file.

A player is a network with its optimizer. A phase is one optimizer update of one player. A turn is some phases, run in
order and perhaps several times. One training step takes the turns of a system in order, each phase on the weights its
predecessors left.
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
from gan_train.recipe.optimizer_config import OptimizerConfig

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
"""Names of players."""

DISCRIMINATOR_SEEDS = 1_000
"""Distance of the discriminator's initial seeds from the generator's."""

Batch = dict[str, tf.Tensor]
"""This replica's real examples: "image" uint8 (n, height, width, channels), "label" int64 (n,), "point" float32 (n, 2); of
translations "source" and "target", or "a" and "b", uint8 images; and what a turn's `prepare` adds."""

GeneratorInputs: TypeAlias = tf.Tensor | list[tf.Tensor]
"""What a generator's network takes: latents, float32 (n, size), or [latents, classes], int32 (n,)."""


@dataclass(frozen=True)
class Player:
    """A network whose trainable variables move together, by an optimizer of their own."""

    name: str
    network: keras.Model
    optimizer: Optimizer
    config: OptimizerConfig

    @property
    def variables(self) -> list[keras.Variable]:
        """What a phase of this player updates, and all it updates."""
        return list(self.network.trainable_variables)

    def learning_rate(self, step: tf.Tensor) -> tf.Tensor:
        """Of a step, float32 scalar."""
        return learning_rate(self.config.schedule, self.config.learning_rate, step)


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
        after: done on every replica when the variables have moved, such as clipping weights.
        every: runs only in steps divisible by it; a system has at most one such phase rhythm besides 1.
        partial: its loss may leave some of the player's variables out.
    """

    name: str
    player: str
    loss: Callable[[Batch, Draw], Outcome]
    metrics: tuple[str, ...]
    after: Callable[[], None] | None = None
    every: int = 1
    partial: bool = False


@dataclass(frozen=True)
class Turn:
    """Phases in order.

    Attributes:
        phases: each on the weights its predecessors left.
        times: how often they are taken.
        reads: each time with a fresh batch of reals, else with the last one.
        prepare: makes of the batch what all its phases see, before the first of them.
    """

    phases: tuple[Phase, ...]
    times: int = 1
    reads: bool = True
    prepare: Callable[[Batch, Draw], Batch] | None = None


class System(ABC):
    """Networks plus an ordered list of turns.

    Attributes:
        players: by name.
        turns: of one step, in order.
        reals_per_batch: real examples of a global batch.
        average: follows a network, if the recipe wants one.
        state: variables beside those of networks and optimizers that a checkpoint keeps.
    """

    players: dict[str, Player]
    turns: tuple[Turn, ...]
    reals_per_batch: int
    average: MovingAverage | None = None
    state: tuple[keras.Variable, ...] = ()

    @property
    @abstractmethod
    def models(self) -> dict[str, keras.Model]:
        """What is worth keeping in plain Keras at a snapshot, by name."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of all turns, each once, in order."""
        return tuple(phase for turn in self.turns for phase in turn.phases)

    @property
    def batches_per_step(self) -> int:
        """Batches of reals that one step takes from the dataset."""
        return sum(turn.times for turn in self.turns if turn.reads)

    @property
    def reals_per_step(self) -> int:
        """Real examples that one step takes from the dataset."""
        return self.batches_per_step * self.reals_per_batch

    def keep(self, examples: Iterator[Example]) -> None:  # noqa: B027 - most systems keep nothing
        """Take what this system keeps of the dataset into its `state`, before the first step of a run.

        Args:
            examples: of one pass over the training data, in training order.

        Raises:
            DataError: the dataset has too little for it.
        """

    def derived(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """What follows from the metrics of a step and is worth a name of its own."""
        return {}

    @property
    def facts(self) -> dict[str, Any]:
        """What is worth knowing of its networks before it trains."""
        return {}


class SamplingSystem(System):
    """A system whose generator makes examples from latents.

    Attributes:
        generator: as it trains.
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
        """Scalars worth logging at a snapshot, all networks in inference mode.

        Args:
            reals: n real examples.
            inputs: of n generated ones.
        """


def build_player(name: str, network: keras.Model, config: OptimizerConfig, precision: Precision) -> Player:
    """A player with its optimizer, whose slots are created now so that a checkpoint can restore them."""
    return Player(name, network, build_optimizer(config, name, network.trainable_variables, precision), config)
