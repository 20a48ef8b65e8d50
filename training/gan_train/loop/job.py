"""A training that can begin: everything it needs is checked and built."""

from dataclasses import dataclass

import tensorflow as tf

from gan_core.storage import LocalFolder
from gan_train.data.dataset import Dataset
from gan_train.logs.writer import Writer
from gan_train.loop.stopping import StopWhen
from gan_train.recipe.base import Recipe
from gan_train.runs.operation import Operation
from gan_train.runs.run_folder import State, write_status
from gan_train.systems.base import System


@dataclass(frozen=True)
class Job:
    """A training with everything that it needs.

    Attributes:
        recipe: its `steps` is the step to train to.
        dataset: without the shards that are left out.
        run: the run folder, held by this process; of one on gs:// its mirror.
        strategy: the devices.
        system: the networks and optimizers, built in the scope of the strategy.
        operation: what a divergence, a failure or a damaged shard leads to, and which checkpoints stay.
        jit: whether XLA compiles the forward and backward pass of each phase.
        stop: when it ends by itself; None is at its last step.
        followers: writers beside those of each attempt; whoever opened them closes them.
        reports: whether this process shows progress and warnings: of several workers only the chief does.
    """

    recipe: Recipe
    dataset: Dataset
    run: LocalFolder
    strategy: tf.distribute.Strategy
    system: System
    operation: Operation
    jit: bool = False
    stop: StopWhen | None = None
    followers: tuple[Writer, ...] = ()
    reports: bool = True

    def write_status(self, state: State, step: int, reason: str = "") -> None:
        """Write to status.json that the run is in this state after this step, and why if it finished early."""
        write_status(self.run, state, step, self.recipe.steps, reason=reason)
