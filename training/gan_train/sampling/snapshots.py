"""Files that a run writes at snapshots: real examples, sample grids from fixed inputs, and networks in plain Keras."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.arrays import read_arrays
from gan_core.errors import DataError
from gan_core.images.labelled import grid_png
from gan_core.images.scatter import scatter_png
from gan_core.storage import Folder
from gan_train.data.pixels import to_uint8
from gan_train.latents.inputs import CONDITIONS, Inputs, grid_inputs
from gan_train.latents.inputs import LATENTS as LATENTS_ARRAY
from gan_train.networks.layers import inference_pass, keeps_dropout, plain_copy
from gan_train.networks.portable import keras_file
from gan_train.numerics.randomness import latent_draw
from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import Condition, ImageConfig
from gan_train.runs.layout import LATENTS, SAMPLES, networks
from gan_train.systems.base import GeneratorInputs

_LATENTS_BYTES = 64 << 20
"""The largest array of latents.npz that is read; 10,000 latents of 512 numbers take 20 MB."""

Examples = NDArray[Any]
"""Images, uint8 (n, height, width, channels), or points, float32 (n, coordinates)."""


def fixed_inputs(run: Folder, recipe: LatentRecipe) -> Inputs:
    """The inputs of all sample grids of a run, drawn once and stored in latents.npz. Raises DataError if that is damaged."""
    if not run.exists(LATENTS):
        random = np.random.default_rng([recipe.seed, recipe.latent_size])
        run.write(LATENTS, grid_inputs(recipe, random, recipe.sample_images).npz())
    try:
        arrays = read_arrays(run.read(LATENTS), (LATENTS_ARRAY, CONDITIONS), _LATENTS_BYTES)
        inputs = Inputs(arrays[LATENTS_ARRAY], arrays.get(CONDITIONS))
        fits = inputs.latents.shape == (len(inputs), recipe.latent_size) and inputs.latents.dtype == np.float32
        conditions = None if inputs.conditions is None else inputs.conditions.shape
        if not fits or conditions != (None if recipe.condition is None else (len(inputs),)):
            raise ValueError("its arrays are not those of this recipe")
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(f"{run.locate(LATENTS)}: damaged ({error}); remove it, other latents are drawn then") from error
    return inputs


def generate(generator: keras.Model, inputs: Inputs, recipe: LatentRecipe) -> Examples:
    """Generate examples in inference mode. Each depends on its own latent and condition alone.

    With dropout, examples are generated one by one, with random numbers that follow from the latent.

    Args:
        generator: of our layers, or of plain Keras layers.
        inputs: of all examples.
        recipe: recipe of the run, for the form of the inputs and the range of the outputs.

    Returns:
        Examples in the form of the dataset.
    """
    size = 1 if keeps_dropout(generator) else 256
    batches = []
    for start in range(0, len(inputs), size):
        inputs_now = inputs[start : start + size]
        generated = inference_pass(generator, network_inputs(inputs_now, recipe.condition), latent_draw(inputs_now.latents[0]))
        batches.append(to_stored(np.asarray(generated), recipe))
    return np.concatenate(batches)


def network_inputs(inputs: Inputs, condition: Condition | None) -> GeneratorInputs:
    """The inputs as tensors, in the form that the generator takes."""
    tensors = [tf.constant(array) for array in inputs.arrays(condition)]
    return tensors if len(tensors) > 1 else tensors[0]


def to_stored(generated: NDArray[np.float32], recipe: LatentRecipe) -> Examples:
    """The output of a network in the form of the dataset."""
    return to_uint8(generated, recipe.examples.range) if isinstance(recipe.examples, ImageConfig) else generated


def reals_png(reals: Examples, recipe: LatentRecipe, facts: dict[str, str]) -> bytes:
    """Real examples as a PNG file."""
    return grid_png(reals, facts) if isinstance(recipe.examples, ImageConfig) else scatter_png({"real": reals}, facts)


def samples_png(generated: Examples, reals: Examples, recipe: LatentRecipe, facts: dict[str, str]) -> bytes:
    """Generated examples as a PNG file: a grid of images with a column for each class or code, or points over real ones."""
    if not isinstance(recipe.examples, ImageConfig):
        return scatter_png({"real": reals, "fake": generated}, facts)
    columns = recipe.condition.values if recipe.condition else None
    return grid_png(generated, facts, columns, [str(value) for value in range(columns or 0)])


def write_samples(run: Folder, grid: bytes, step: int) -> str:
    """Write the sample grid of a step, a PNG file, and return its name."""
    name = SAMPLES.name(step)
    run.write(name, grid)
    return name


def write_model(run: Folder, kind: str, network: keras.Model, step: int) -> str:
    """Write a network in plain Keras, and return its name. `kind` is part of the name, such as "generator"."""
    name = networks(kind).name(step)
    run.write(name, keras_file(plain_copy(network)))
    return name
