"""Small tools of the trainer tests."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file

import gan_pipeline.cli.commands as pipeline_cli
import gan_train.cli.main as train_cli
from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.records import decode_example
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe
from gan_train.recipe.examples import ImageConfig, PointConfig
from gan_train.recipe.translation import SOURCE, TARGET, A, B, TranslationRecipe
from gan_train.systems.base import System
from gan_train.systems.catalogue import build_system
from gan_train.systems.step import StepFunction, build_steps
from tests.support.commands import Argument, Ran, run_inside
from tests.support.warm import start_warm

SMALL_KEYS = (
    "image.shape=[28,28,1]",
    "generator.base=[7,7,8]",
    "generator.filters=[8,8]",
    "discriminator.filters=[8,8]",
    "batch_size=16",
    "sample_images=9",
    "steps_per_call=3",
    "precision=float32",
)
SMALL = tuple(part for key in SMALL_KEYS for part in ("--set", key))
"""Overrides that make a recipe of the DCGAN family quick to build, for digits, with all its parts, alike on all machines."""

LabelledImages = tuple[NDArray[np.float32], NDArray[np.int64]]
"""(n, height, width, channels), and their class numbers."""

FACES = Path(__file__).parents[1] / "data" / "faces"

RECIPES = ("mnist-gan", "mnist-dcgan", "mnist-lsgan", "cifar10-gan", "celeba-gan")


def split_cpu() -> None:
    """Two logical CPU devices, for tests of several replicas; must come before TensorFlow's first operation."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def gan_train(*args: Argument) -> Ran:
    """The gan-train command inside this process."""
    return run_inside(train_cli.main, *args)


def gan_train_child(*args: Argument, prelude: str = "") -> Ran:
    """The gan-train command in a process of its own, after some Python of the test's (to die at a chosen moment)."""
    return start_warm(args, prelude).wait()


def prepare(out: Argument, *arguments: str) -> Path:
    """The gan-pipeline prepare command inside this process."""
    ran = run_inside(pipeline_cli.main, "prepare", *arguments, "-o", out)
    assert ran.code == 0, ran.err
    return Path(out)


def prepare_digits(out: Argument, *options: str) -> Path:
    """Prepare 300 of the packaged digits in 5 shards."""
    return prepare(out, "mnist", "--source", "sample", "--limit", "300", "--shards", "5", *options)


def photographs() -> list[Image.Image]:
    """The one photograph that tests have, cut into 64 squares of 64 pixels."""
    photograph = Image.open(FACES / "astronaut.png").convert("RGB").resize((512, 512))
    corners = [(left, top) for top in range(0, 512, 64) for left in range(0, 512, 64)]
    return [photograph.crop((left, top, left + 64, top + 64)) for left, top in corners]


def save_pictures(folder: Path, pictures: Iterable[Image.Image]) -> Path:
    """Write images into a new folder, by number, and return it."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number:02d}.png")
    return folder


def grey(picture: Image.Image) -> Image.Image:
    """The same picture without colours, in three channels."""
    return picture.convert("L").convert("RGB")


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two images of one size side by side in one."""
    both = Image.new("RGB", (2 * left.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both


def prepare_pictures(out: Path, side: int) -> Path:
    """Prepare photographs."""
    source = save_pictures(out.parent / f"photographs-{side}", photographs())
    return prepare(out, "images", "--source", str(source), "--image-size", str(side))


def prepare_pairs(out: Path, side: int, *options: str) -> Path:
    """Prepare pairs of a grey photograph, the source, and itself, the target."""
    source = save_pictures(out.parent / f"pairs-{side}", (beside(grey(picture), picture) for picture in photographs()))
    return prepare(out, "pairs", "--source", str(source), "--image-size", str(side), "--shards", "2", *options)


def prepare_domains(out: Path, side: int) -> Path:
    """Prepare 40 photographs as domain A, and 24 others without colours as domain B; of each some for tests."""
    source, pictures = out.parent / f"domains-{side}", photographs()
    save_pictures(source / "trainA", pictures[:36])
    save_pictures(source / "testA", pictures[36:40])
    save_pictures(source / "trainB", map(grey, pictures[40:60]))
    save_pictures(source / "testB", map(grey, pictures[60:]))
    splits = "trainA,trainB,testA,testB"
    return prepare(out, "unpaired", "--source", str(source), "--split", splits, "--image-size", str(side), "--shards", "2")


def small_recipe(name: str, *overrides: str) -> Recipe:
    """A recipe with `SMALL` and further overrides."""
    return load_recipe(name, [*SMALL_KEYS, *overrides])


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


def saved_variables(run: Path, step: int) -> dict[str, NDArray[Any]]:
    """Every variable of a checkpoint."""
    variables: dict[str, NDArray[Any]] = load_file(run / "checkpoints" / f"step-{step:08d}" / "variables.safetensors")
    return variables


def assert_same_checkpoint(one: Path, other: Path, step: int) -> None:
    """Two runs stand at the same bits."""
    before, after = saved_variables(one, step), saved_variables(other, step)
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


def read_split(data: Path, split: str) -> LabelledImages:
    """By hand: every example of a split, in [-1, 1], read by TensorFlow itself."""
    manifest = read_manifest(open_folder(str(data)))
    files = [str(data / shard.file) for shard in manifest.splits[split].shards]
    records = [decode_example(record.numpy(), manifest.features) for record in tf.data.TFRecordDataset(files)]
    images = np.stack([record.values["image"] for record in records]).astype(np.float32)
    return images / 127.5 - 1, np.array([record.values["label"] for record in records])


def cells(picture: Path, columns: int) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """The cells of a labelled grid in reading order: the strip with the word, and the image below it."""
    pixels = np.asarray(Image.open(picture))
    side = (pixels.shape[1] - 2) // columns - 2
    tops = range(2, pixels.shape[0] - 2, 14 + side + 2)
    lefts = range(2, pixels.shape[1] - 2, side + 2)
    whole = [pixels[top : top + 14 + side, left : left + side] for top in tops for left in lefts]
    return [(cell[:14], cell[14:]) for cell in whole]


def grid_images(picture: Path, columns: int, rows: int) -> NDArray[np.uint8]:
    """The images of an unlabelled grid of 28x28 images in reading order."""
    pixels = np.asarray(Image.open(picture))
    assert pixels.shape == (rows * 30 + 2, columns * 30 + 2)
    corners = [(2 + 30 * row, 2 + 30 * column) for row in range(rows) for column in range(columns)]
    return np.stack([pixels[top : top + 28, left : left + 28] for top, left in corners])


_OF_THE_MACHINE = ("images_per_second", "input_wait", "elapsed", "stall.", "memory.")


def trained_numbers(metrics: bytes) -> list[dict[str, float]]:
    """The rows of a metrics.jsonl without what the machine decides."""
    rows = [json.loads(line) for line in metrics.splitlines()]
    return [{name: value for name, value in row.items() if not name.startswith(_OF_THE_MACHINE)} for row in rows]
