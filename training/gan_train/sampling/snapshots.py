"""Pictures of a run: real examples, sample grids from fixed inputs; and networks in plain Keras."""

import io
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.images.labelled import grid_png
from gan_core.images.scatter import scatter_png
from gan_core.storage import Folder, storage_errors
from gan_train.data.pixels import to_uint8
from gan_train.latents.inputs import CONDITIONS, Inputs, grid_inputs
from gan_train.latents.inputs import LATENTS as LATENTS_ARRAY
from gan_train.networks.layers import inference_pass, keeps_dropout, plain_copy
from gan_train.numerics.randomness import latent_draw
from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import Condition, ImageConfig
from gan_train.runs.layout import LATENTS, SAMPLES, networks
from gan_train.systems.base import GeneratorInputs

Examples = NDArray[Any]
"""Images, uint8 (n, height, width, channels), or points, float32 (n, coordinates)."""


def fixed_inputs(run: Folder, recipe: LatentRecipe) -> Inputs:
    """The inputs of every sample grid of a run; made once and kept."""
    if not run.exists(LATENTS):
        random = np.random.default_rng([recipe.seed, recipe.latent_size])
        run.write(LATENTS, grid_inputs(recipe, random, recipe.sample_images).npz())
    with np.load(io.BytesIO(run.read(LATENTS)), allow_pickle=False) as archive:
        return Inputs(archive[LATENTS_ARRAY], archive.get(CONDITIONS))


def generate(generator: keras.Model, inputs: Inputs, recipe: LatentRecipe) -> Examples:
    """Examples as the dataset holds them, in inference mode. An example follows from its latent and condition alone.

    Where the generator keeps its dropout, its random numbers come from the latent, too, and images are made one by one.

    Args:
        generator: made of our layers, or of Keras' own.
        inputs: of all of them.
        recipe: says how the network takes inputs and what its numbers mean.
    """
    size = 1 if keeps_dropout(generator) else 256
    batches = []
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        made = inference_pass(generator, network_inputs(part, recipe.condition), latent_draw(part.latents[0]))
        batches.append(stored(np.asarray(made), recipe))
    return np.concatenate(batches)


def network_inputs(inputs: Inputs, condition: Condition | None) -> GeneratorInputs:
    """The inputs of the generator's network, on the device."""
    tensors = [tf.constant(array) for array in inputs.arrays(condition)]
    return tensors if len(tensors) > 1 else tensors[0]


def stored(made: NDArray[np.float32], recipe: LatentRecipe) -> Examples:
    """The output of a network, in the form of the dataset."""
    return to_uint8(made, recipe.examples.range) if isinstance(recipe.examples, ImageConfig) else made


def reals_png(reals: Examples, recipe: LatentRecipe, facts: dict[str, str]) -> bytes:
    """Real examples as a PNG file."""
    return grid_png(reals, facts) if isinstance(recipe.examples, ImageConfig) else scatter_png({"real": reals}, facts)


def samples_png(made: Examples, reals: Examples, recipe: LatentRecipe, facts: dict[str, str]) -> bytes:
    """Generated examples as a PNG file: images in a grid, a column for each class or code; points over real ones."""
    if not isinstance(recipe.examples, ImageConfig):
        return scatter_png({"real": reals, "fake": made}, facts)
    return grid_png(made, facts, recipe.condition.values if recipe.condition else None)


def write_samples(run: Folder, grid: bytes, step: int) -> str:
    """Write the picture of a step, a PNG file, and return its name."""
    name = SAMPLES.name(step)
    run.write(name, grid)
    return name


def write_model(run: Folder, kind: str, network: keras.Model, step: int) -> str:
    """Write a network that Keras loads without this package, and return its name. `kind` says what it is: "generator"."""
    name = networks(kind).name(step)
    with tempfile.TemporaryDirectory() as local:
        path = Path(local) / f"{kind}.keras"
        with storage_errors(path):
            plain_copy(network).save(path)
        run.write(name, path.read_bytes())
    return name
