"""Small tools of the trainer tests."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file

import gan_train.cli.main as train_cli
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe
from tests.support.commands import Argument, Ran, run_inside
from tests.support.pictures import enlargement_of, grid_pixels
from tests.support.warm import start_warm

SMALL_KEYS = (
    "image.shape=[28,28,1]",
    "generator.base=[7,7,8]",
    "generator.filters=[8,8]",
    "generator.output_kernel=3",
    "discriminator.filters=[8,8]",
    "batch_size=16",
    "sample_images=9",
    "steps_per_call=3",
    "precision=float32",
)
UNSCORED = ("--evaluate-every", "0")
"""No FID at snapshots: it changes no training, and costs a small one a third of its time."""

SMALL = (*(part for key in SMALL_KEYS for part in ("--set", key)), *UNSCORED)
"""Options of `run` that make a recipe of the DCGAN family quick to train, for digits, with all its parts, alike on all
machines."""

RECIPES = ("mnist-gan", "mnist-dcgan", "mnist-lsgan", "cifar10-gan", "celeba-gan")


def gan_train(*args: Argument) -> Ran:
    """The gan-train command inside this process."""
    return run_inside(train_cli.main, *args)


def gan_train_child(*args: Argument, prelude: str = "") -> Ran:
    """The gan-train command in a process of its own, after some Python of the test's (to die at a chosen moment)."""
    return start_warm(args, prelude).wait()


def small_recipe(name: str, *overrides: str) -> Recipe:
    """A recipe with `SMALL` and further overrides."""
    return load_recipe(name, [*SMALL_KEYS, *overrides])


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


def cells(picture: Path, columns: int) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """The cells of a labelled grid in reading order: the strip with the word, and the image below it, not enlarged."""
    pixels, times = np.asarray(Image.open(picture)), enlargement_of(picture)
    side = (pixels.shape[1] - 2) // columns - 2
    tops = range(2, pixels.shape[0] - 2, 14 + side + 2)
    lefts = range(2, pixels.shape[1] - 2, side + 2)
    whole = [pixels[top : top + 14 + side, left : left + side] for top in tops for left in lefts]
    return [(cell[:14], cell[14::times, ::times]) for cell in whole]


def grid_images(picture: Path, columns: int, rows: int) -> NDArray[np.uint8]:
    """The images of a grid of 28x28 images in reading order."""
    pixels = grid_pixels(picture, rows * 30 + 2, columns * 30 + 2)
    corners = [(2 + 30 * row, 2 + 30 * column) for row in range(rows) for column in range(columns)]
    return np.stack([pixels[top : top + 28, left : left + 28] for top, left in corners])


_OF_THE_MACHINE = ("images_per_second", "input_wait", "elapsed", "stall.", "memory.")


def trained_numbers(metrics: bytes) -> list[dict[str, float]]:
    """The rows of a metrics.jsonl without what the machine decides."""
    rows = [json.loads(line) for line in metrics.splitlines()]
    return [{name: value for name, value in row.items() if not name.startswith(_OF_THE_MACHINE)} for row in rows]
