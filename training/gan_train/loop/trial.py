"""Steps of a recipe on trial: built and run as a training does, with its data and devices, and nothing is written."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from gan_core.errors import UsageError
from gan_train.data.dataset import Dataset
from gan_train.data.input import Chunks
from gan_train.distribution.strategy import compiles
from gan_train.recipe.base import Recipe
from gan_train.systems.base import System
from gan_train.systems.gradients import Execution
from gan_train.systems.memory import out_of_memory_in_words
from gan_train.systems.step import build_steps, metric_names


@dataclass(frozen=True)
class Call:
    """A call of the device.

    Attributes:
        steps: trained in it.
        seconds: that it took, with the wait for its input.
        waited: seconds of that wait.
    """

    steps: int
    seconds: float
    waited: float


def try_steps(
    system: System, recipe: Recipe, dataset: Dataset, strategy: tf.distribute.Strategy, jit: str, lengths: Sequence[int]
) -> list[Call]:
    """Train some steps, from the first one on.

    Args:
        system: built in the scope of the strategy; its weights are trained.
        recipe: its recipe.
        dataset: gives the batches.
        strategy: the devices.
        jit: whether XLA compiles: "on", "off" or "auto".
        lengths: steps of each call. The first call has the time of tracing in it.

    Raises:
        UsageError: memory ended, or a number is not finite.
        GanmillError: as the input says.
    """
    calls, step = [], 0
    chunks = Chunks(dataset, recipe.seed, strategy, 0, lengths, system.batches_per_step, system.reals_per_batch)
    execution = Execution(recipe.accumulate, recipe.remat, compiles(jit, strategy))
    run_steps = build_steps(system, strategy, recipe.seed, (), chunks.spec, execution)
    with out_of_memory_in_words(recipe.batch_size):
        for length in lengths:
            began = time.monotonic()
            chunk = chunks.take()
            values = run_steps(chunk, tf.constant(0), tf.constant(step, tf.int64), tf.constant(length)).numpy()
            calls.append(Call(length, time.monotonic() - began, chunks.waited))
            step += length
            finite = np.isfinite(values).all(axis=0)
            if not finite.all():
                name = metric_names(system)[int(np.argmin(finite))]
                raise UsageError(f"{name} is not finite after step {step}; take a smaller learning rate, or another precision")
    return calls
