"""Systems built in this process, for one or two replicas, and trained for some steps on random examples."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_train.data.dataset import open_dataset
from gan_train.data.reader import training_examples
from gan_train.distribution.strategy import mirrored_strategy
from gan_train.recipe.base import Recipe
from gan_train.recipe.examples import ImageConfig, PointConfig
from gan_train.runs.checkpoint import named_variables
from gan_train.systems.base import System
from gan_train.systems.build import build_system
from gan_train.systems.gradients import Execution
from gan_train.systems.step import StepFunction, build_steps


def split_cpu() -> None:
    """Split the CPU into two devices, which proofs with two replicas need.

    Raises:
        RuntimeError: TensorFlow has computed something before.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def mirrored(replicas: int) -> tf.distribute.Strategy:
    """The default strategy for one replica, a mirrored one on CPU devices for two."""
    if replicas == 1:
        return tf.distribute.get_strategy()
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    if len(devices) < replicas:
        raise UsageError(f"{replicas} replicas need as many CPU devices; call gan_train.testing.split_cpu() first")
    return mirrored_strategy(*devices[:replicas])


def build(
    recipe: Recipe, replicas: int = 1, data: str | None = None, jit: bool = False
) -> tuple[System, tf.distribute.Strategy, StepFunction]:
    """A fresh system, its strategy and its step function.

    Args:
        recipe: the recipe.
        replicas: 1 or 2.
        data: a dataset folder from which the system fills its state, or None.
        jit: whether XLA compiles the forward and backward passes.
    """
    strategy = mirrored(replicas)
    with strategy.scope():
        system = build_system(recipe)
    if data is not None:
        system.prepare_state(training_examples(open_dataset(data, recipe), recipe.seed))
    execution = Execution(recipe.accumulate, recipe.remat, jit)
    return system, strategy, build_steps(system, strategy, recipe.seed, execution=execution)


def random_chunk(recipe: Recipe, system: System, strategy: tf.distribute.Strategy, steps: int) -> Any:
    """Random examples for some steps, the same whatever the number of replicas, shared out as the input does."""
    random = np.random.default_rng(0)
    axes = (steps, system.batches_per_step, system.reals_per_batch)
    chunk = {name: _random_examples(recipe.examples, random, axes) for name in recipe.batch_features}
    chunk["label"] = random.integers(0, recipe.dataset_classes or 1, axes, np.int64)
    replicas = strategy.num_replicas_in_sync

    def share(context: Any) -> dict[str, tf.Tensor]:
        own = context.replica_id_in_sync_group
        return {name: tf.constant(np.split(values, replicas, axis=2)[own]) for name, values in chunk.items()}

    if replicas == 1:
        return {name: tf.constant(values) for name, values in chunk.items()}
    return strategy.experimental_distribute_values_from_function(share)


def run_steps(recipe: Recipe, replicas: int, steps: int) -> tuple[System, NDArray[np.float32]]:
    """Train a fresh system for some steps on random examples; the system and its metrics, float32 (steps, metrics)."""
    system, strategy, step_function = build(recipe, replicas)
    chunk = random_chunk(recipe, system, strategy, steps)
    metrics: NDArray[np.float32] = step_function(chunk, tf.constant(0), step_number(0), tf.constant(steps)).numpy()
    return system, metrics


def values_of(system: System) -> dict[str, NDArray[Any]]:
    """The value of every variable that a checkpoint of the system holds, by name."""
    return {name: variable.numpy() for name, variable in named_variables(system).items()}


def _random_examples(examples: ImageConfig | PointConfig, random: np.random.Generator, axes: tuple[int, ...]) -> NDArray[Any]:
    if isinstance(examples, ImageConfig):
        return random.integers(0, 256, (*axes, *examples.shape), np.uint8)
    return random.random((*axes, examples.coordinates), np.float32)


def step_number(number: int) -> tf.Tensor:
    """The number of a step as the step function takes it, an int64 scalar."""
    return tf.constant(number, tf.int64)
