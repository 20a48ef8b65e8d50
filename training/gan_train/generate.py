"""Images from a trained generator: by count, by seeds, or from the all-zero vector."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.errors import DataError, UsageError
from gan_pipeline.grid import png
from gan_pipeline.storage import Folder, open_folder
from gan_train.latents import sample_latents
from gan_train.networks.layers import sampling_copy
from gan_train.practice_config import LatentConfig
from gan_train.randomness import picture_draw
from gan_train.run_folder import MODELS, read_record
from gan_train.snapshots import generate, grid_png

Latents = NDArray[np.float32]


@dataclass(frozen=True)
class Origin:
    """Where an image comes from: its latent is the `number`-th of `seed`, and so is its dropout where that is kept."""

    name: str
    seed: int
    number: int


MOST_IMAGES = 10_000
"""In one call, as `--count` allows."""


def choose_latents(
    config: LatentConfig, size: int, count: int, seed: int, seeds: str | None, zero: bool
) -> tuple[Latents, list[Origin]]:
    """Latents, float32 (n, size), and the origin of each image.

    Args:
        config: what they are drawn from.
        size: of the latent vector.
        count: how many, from `seed`, when nothing more special is asked for.
        seed: the k-th vector depends on it and on k alone.
        seeds: one vector per seed, "3,7,10-15"; the same as the first vector of that seed.
        zero: the one all-zero vector; `seed` then chooses its dropout alone.

    Raises:
        UsageError: `seeds` cannot be read, or both `seeds` and `zero` are given.
    """
    if zero and seeds is not None:
        raise UsageError("--zero and --seeds exclude each other; give one")
    if zero:
        return np.zeros((1, size), np.float32), [Origin("zero", seed, 0)]
    if seeds is not None:
        numbers = parse_seeds(seeds)
        origins = [Origin(f"seed-{number}", number, 0) for number in numbers]
        return np.concatenate([_drawn(config, number, 1, size) for number in numbers]), origins
    return _drawn(config, seed, count, size), [Origin(f"seed-{seed}-{number:05d}", seed, number) for number in range(count)]


def _drawn(config: LatentConfig, seed: int, count: int, size: int) -> Latents:
    return sample_latents(config, np.random.default_rng(seed), count, size)


def parse_seeds(text: str) -> list[int]:
    """Seeds from "3,7,10-15", both ends included. Raises UsageError."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--seeds {text!r}: write numbers and ranges, such as 3,7,10-15")
        numbers += range(int(first), min(int(last or first), int(first) + MOST_IMAGES) + 1)
    if not numbers:
        raise UsageError(f"--seeds {text!r} names no seed; a range goes from the smaller to the larger number")
    if len(numbers) > MOST_IMAGES:
        raise UsageError(f"--seeds {text!r} names more than {MOST_IMAGES:,} seeds; make them in several calls")
    return numbers


def sample_run(
    folder: str, out: str, latents_for: Callable[[LatentConfig, int], tuple[Latents, list[Origin]]], step: int | None
) -> dict[str, Any]:
    """Generate from a run's saved generator into a grid (`out` ends in .png) or a folder of single images.

    Raises:
        DataError: no run, or no generator of that step.
        StorageError: `out` cannot be written.
    """
    run = open_folder(folder)
    record = read_record(run)
    chosen = _generator_step(run, step)
    latents, origins = latents_for(record.recipe.latent, record.recipe.latent_size)
    generator = _load_generator(run, chosen)
    if record.recipe.generator.dropout_in_sampling:
        generator = sampling_copy(generator)
    images = generate(
        generator,
        latents,
        record.recipe.image.range,
        lambda place: picture_draw(origins[place].seed, origins[place].number),
    )
    facts = {"run": folder, "step": str(chosen), "dataset": record.dataset_digest, "recipe": record.recipe.name}
    if out.endswith(".png"):
        parent, slash, name = out.rpartition("/")
        shown = facts | {"latents": ",".join(origin.name for origin in origins)}
        open_folder(parent + slash or ".").write(name, grid_png(images, shown))
    else:
        for origin, image in zip(origins, images, strict=True):
            open_folder(out).write(f"{origin.name}.png", png(image, facts | {"latents": origin.name}))
    return {"run": folder, "step": chosen, "images": len(images), "out": out}


def _generator_step(run: Folder, step: int | None) -> int:
    steps = sorted(int(name.removesuffix(".keras").rpartition("-")[2]) for name in run.names(f"{MODELS}/generator-step-"))
    if not steps:
        raise DataError(f"{run.uri}: no generator saved yet; the first comes with the first sample grid")
    if step is not None and step not in steps:
        known = ", ".join(map(str, steps))
        raise UsageError(f"{run.uri}: no generator of step {step}; there are: {known}")
    return step or steps[-1]


def _load_generator(run: Folder, step: int) -> Any:
    import keras

    name = f"{MODELS}/generator-step-{step:08d}.keras"
    try:
        with run.local_file(name) as path:
            return keras.models.load_model(path, compile=False)
    except (ValueError, OSError, KeyError) as error:
        raise DataError(f"{run.locate(name)}: damaged ({' '.join(str(error).split())[:200]}); take another --step") from error
