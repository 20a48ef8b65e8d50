"""Batches of images to score: reals from a dataset, fakes from a generator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gan_train.latents.inputs import Inputs, in_turn
from gan_train.latents.truncation import NOT_TRUNCATED, Truncation
from gan_train.recipe.base import LatentRecipe

if TYPE_CHECKING:
    import keras

    from gan_train.data.dataset import Dataset

BLOCK = 200
"""Images that are generated or read at once."""

_ORDER = 0
"""Seed of the order of reals, of which the first are scored: a constant, so that scores compare."""


@dataclass(frozen=True)
class Images:
    """A batch of images.

    Attributes:
        pixels: uint8 (n, height, width, channels).
        labels: class of each real, or requested class of each fake, int32 (n,); None without classes.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.pixels)


def reals(dataset: "Dataset", count: int) -> Iterator[Images]:
    """The first `count` images of a dataset in an order that follows from the dataset alone, with its labels."""
    from gan_train.data.reader import training_examples

    examples = islice(training_examples(dataset, _ORDER), count)
    while block := list(islice(examples, BLOCK)):
        labels = np.array([example.values["label"] for example in block], np.int32) if dataset.class_names else None
        yield Images(np.stack([example.values["image"] for example in block]), labels)


def renumbered(images: Iterator[Images], names: Sequence[str], wanted: Sequence[str]) -> Iterator[Images]:
    """Images with their labels as places in other class names.

    A dataset of some classes of many numbers them from 0, and an extractor that knows all of them numbers them as it does.

    Args:
        images: with labels that are places in `names`, or without labels.
        names: of the classes of the images.
        wanted: class names that the new labels are places in.

    Yields:
        The images; without labels if one of the classes has no such name.
    """
    places = np.array([wanted.index(name) for name in names if name in wanted], np.int32)
    for one in images:
        is_known = one.labels is not None and len(places) == len(names)
        yield Images(one.pixels, places[one.labels] if is_known else None)


def fakes(
    generator: "keras.Model", recipe: LatentRecipe, seed: int, count: int, truncation: Truncation = NOT_TRUNCATED
) -> Iterator[Images]:
    """Generate images, with each class or code in turn, and classes as labels.

    Blocks have a fixed size, so an image depends only on the generator, the seed and its position: the first thousand are
    the same for a count of one thousand and of fifty thousand.

    Args:
        generator: the network; of plain Keras layers, or of ours where dropout stays on.
        recipe: recipe of the run, which generates images.
        seed: seed of the latents.
        count: number of images.
        truncation: of the latents.
    """
    from gan_train.sampling.snapshots import generate

    random, condition = np.random.default_rng(seed), recipe.condition
    for start in range(0, count, BLOCK):
        latents = truncation.sample(recipe.latent, random, BLOCK, recipe.latent_size)
        conditions = in_turn(start + BLOCK, range(condition.values))[start:] if condition else None
        size = min(BLOCK, count - start)
        labels = conditions[:size] if conditions is not None and condition and condition.kind == "class" else None
        yield Images(generate(generator, Inputs(latents, conditions), recipe)[:size], labels)
