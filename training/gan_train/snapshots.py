"""Pictures of a run: real images, sample grids from fixed latents, loss curves; and generators in plain Keras."""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from gan_pipeline.storage import Folder, storage_errors
from gan_train.latent import sample_latents
from gan_train.metrics_log import Row
from gan_train.networks.layers import inference_pass, plain_copy
from gan_train.pictures import grid_png
from gan_train.pixels import to_uint8
from gan_train.recipe import Recipe
from gan_train.run_folder import LATENTS, MODELS, SAMPLES

LOSSES = "losses.png"


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
    """Images, uint8 (n, height, width, channels), in inference mode."""
    batches = [
        to_uint8(np.asarray(inference_pass(generator, latents[start : start + 256])), image_range)
        for start in range(0, len(latents), 256)
    ]
    return np.concatenate(batches)


def write_samples(run: Folder, images: NDArray[np.uint8], step: int, facts: dict[str, str]) -> str:
    """Write the grid of a step and return its name."""
    name = f"{SAMPLES}/step-{step:08d}.png"
    run.write(name, grid_png(images, facts | {"step": str(step)}))
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


def write_curves(run: Folder, rows: Sequence[Row]) -> None:
    """losses.png: losses above, discriminator accuracies below (the layout of spec C 1.1)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for name in sorted({name for row in rows for name in row}):
        axes = upper if name.endswith(".loss") else lower if ".accuracy" in name else None
        points = [(row["step"], row[name]) for row in rows if name in row]
        if axes is not None:
            axes.plot(*zip(*points, strict=True), label=name, linewidth=1, marker="o" if len(points) == 1 else None)
    upper.set_ylabel("loss")
    lower.set_ylabel("accuracy")
    lower.set_ylim(-0.02, 1.02)
    lower.set_xlabel("step")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(loc="upper right", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    run.write(LOSSES, buffer.getvalue())
