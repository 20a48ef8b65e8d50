"""Pictures of a run: real images, sample grids from fixed latents; and generators in plain Keras."""

import io
import tempfile
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from gan_pipeline.storage import Folder, storage_errors
from gan_train.data.pixels import to_uint8
from gan_train.latents.latent import sample_latents
from gan_train.networks.layers import inference_pass, keeps_dropout, plain_copy
from gan_train.randomness import latent_draw
from gan_train.recipe.base import Recipe
from gan_train.runs.run_folder import LATENTS, MODELS, SAMPLES


def fixed_latents(run: Folder, recipe: Recipe) -> NDArray[np.float32]:
    """The latents of every sample grid of a run, float32 (sample_images, latent_size); made once and kept."""
    if not run.exists(LATENTS):
        random = np.random.default_rng([recipe.seed, recipe.latent_size])
        buffer = io.BytesIO()
        drawn = sample_latents(recipe.latent, random, recipe.sample_images, recipe.latent_size)
        np.savez_compressed(buffer, latents=drawn)
        run.write(LATENTS, buffer.getvalue())
    with np.load(io.BytesIO(run.read(LATENTS)), allow_pickle=False) as archive:
        latents: NDArray[np.float32] = archive["latents"]
    return latents


def generate(generator: keras.Model, latents: NDArray[np.float32], image_range: str) -> NDArray[np.uint8]:
    """Images, uint8 (n, height, width, channels), in inference mode. An image follows from its latent alone.

    Where the generator keeps its dropout, its random numbers come from the latent, too, and images are made one by one.

    Args:
        generator: made of our layers, or of Keras' own.
        latents: float32 (n, latent_size).
        image_range: what the generator's numbers mean.
    """
    size = 1 if keeps_dropout(generator) else 256
    batches = [
        to_uint8(np.asarray(inference_pass(generator, latents[start : start + size], latent_draw(latents[start]))), image_range)
        for start in range(0, len(latents), size)
    ]
    return np.concatenate(batches)


def write_samples(run: Folder, grid: bytes, step: int) -> str:
    """Write the grid of a step, a PNG file, and return its name."""
    name = f"{SAMPLES}/step-{step:08d}.png"
    run.write(name, grid)
    return name


def write_generator(run: Folder, generator: keras.Model, step: int) -> str:
    """Write a generator that Keras loads without this package, and return its name."""
    name = f"{MODELS}/generator-step-{step:08d}.keras"
    with tempfile.TemporaryDirectory() as local:
        path = Path(local) / "generator.keras"
        with storage_errors(path):
            plain_copy(generator).save(path)
        run.write(name, path.read_bytes())
    return name
