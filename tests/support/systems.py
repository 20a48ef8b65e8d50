"""Systems in this process: built for one or two replicas and trained for some steps on random examples."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.records import decode_example
from gan_train.recipe.base import Recipe
from gan_train.recipe.examples import ImageConfig, PointConfig
from gan_train.recipe.translation import SOURCE, TARGET, A, B, TranslationRecipe
from gan_train.systems.base import System
from gan_train.systems.catalogue import build_system
from gan_train.systems.step import StepFunction, build_steps

LabelledImages = tuple[NDArray[np.float32], NDArray[np.int64]]
"""(n, height, width, channels), and their class numbers."""


def split_cpu() -> None:
    """Two logical CPU devices, for tests of several replicas; must come before TensorFlow's first operation."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


@cache
def mirrored(replicas: int) -> tf.distribute.Strategy:
    """The default strategy for one replica, else that many logical CPU devices.

    One for all tests: TensorFlow mixes up the collectives of two mirrored strategies in one process.
    """
    return tf.distribute.get_strategy() if replicas == 1 else tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"][:replicas])


def build(recipe: Recipe, replicas: int = 1) -> tuple[System, tf.distribute.Strategy, StepFunction]:
    """A fresh system with its step function."""
    strategy = mirrored(replicas)
    with strategy.scope():
        system = build_system(recipe)
    return system, strategy, build_steps(system, strategy, recipe.seed)


def random_chunk(recipe: Recipe, system: System, strategy: tf.distribute.Strategy, steps: int) -> Any:
    """The same random examples whatever the number of replicas, shared out as the input does."""
    random = np.random.default_rng(0)
    axes = (steps, system.batches_per_step, system.reals_per_batch)
    chunk = {name: _random_examples(recipe.examples, random, axes) for name in _names(recipe)}
    chunk["label"] = random.integers(0, recipe.dataset_classes or 1, axes, np.int64)
    replicas = strategy.num_replicas_in_sync

    def share(context: Any) -> dict[str, tf.Tensor]:
        own = context.replica_id_in_sync_group
        return {name: tf.constant(np.split(values, replicas, axis=2)[own]) for name, values in chunk.items()}

    if replicas == 1:
        return {name: tf.constant(values) for name, values in chunk.items()}
    return strategy.experimental_distribute_values_from_function(share)


def _names(recipe: Recipe) -> tuple[str, ...]:
    if isinstance(recipe, TranslationRecipe):
        return (SOURCE, TARGET) if recipe.pairs else (A, B)
    return (recipe.examples.feature,)


def _random_examples(examples: ImageConfig | PointConfig, random: np.random.Generator, axes: tuple[int, ...]) -> NDArray[Any]:
    if isinstance(examples, ImageConfig):
        return random.integers(0, 256, (*axes, *examples.shape), np.uint8)
    return random.random((*axes, examples.coordinates), np.float32)


def run_steps(recipe: Recipe, replicas: int, steps: int) -> tuple[System, NDArray[np.float32]]:
    """Train a fresh system for some steps on random images; its metrics, float32 (steps, metrics)."""
    system, strategy, step_function = build(recipe, replicas)
    chunk = random_chunk(recipe, system, strategy, steps)
    metrics: NDArray[np.float32] = step_function(chunk, tf.constant(0, tf.int64), tf.constant(steps)).numpy()
    return system, metrics


def read_split(data: Path, split: str) -> LabelledImages:
    """By hand: every example of a split, in [-1, 1], read by TensorFlow itself."""
    manifest = read_manifest(open_folder(str(data)))
    files = [str(data / shard.file) for shard in manifest.splits[split].shards]
    records = [decode_example(record.numpy(), manifest.features) for record in tf.data.TFRecordDataset(files)]
    images = np.stack([record.values["image"] for record in records]).astype(np.float32)
    return images / 127.5 - 1, np.array([record.values["label"] for record in records])
