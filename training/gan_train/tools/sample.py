"""gan-train sample: images as files, as a grid, or as a numbered bank whose latents are kept."""

import math
from typing import Any

from gan_pipeline.errors import UsageError
from gan_pipeline.grid import png
from gan_pipeline.storage import open_folder, write_file
from gan_train.generate import SavedGenerator, saved_generator
from gan_train.latents.inputs import Inputs
from gan_train.pictures import grid_png, labelled_png
from gan_train.tools.choose import Choice, choose_latents


def sample(folder: str, out: str, choice: Choice, step: int | None) -> dict[str, Any]:
    """Images into a grid (`out` ends in .png) or a folder of single images.

    Raises:
        DataError: no run, no generator, or no such latents.
        UsageError: the choice of latents or step is wrong.
        StorageError: `out` cannot be written.
    """
    generator = saved_generator(folder, step)
    latents, names = choose_latents(generator.recipe.latent, generator.recipe.latent_size, choice)
    images = generator.images(Inputs(latents))
    facts = generator.facts | choice.facts
    if out.endswith(".png"):
        write_file(out, grid_png(images, facts | {"latents": ",".join(names)}))
    else:
        singles = open_folder(out)
        for name, image in zip(names, images, strict=True):
            singles.write(f"{name}.png", png(image, facts | {"latents": name}))
    return _answer(generator, len(images), out)


def sample_bank(folder: str, out: str, choice: Choice, step: int | None) -> dict[str, Any]:
    """A grid of images with their numbers, from 1, and their latents beside it in an .npz file of the same name.

    Raises:
        UsageError: as in `sample`, or `out` does not end in .png.
        DataError, StorageError: as in `sample`.
    """
    if not out.endswith(".png"):
        raise UsageError(f"-o {out}: a bank is one picture with its latents beside it; write a name ending in .png")
    generator = saved_generator(folder, step)
    latents, names = choose_latents(generator.recipe.latent, generator.recipe.latent_size, choice)
    images = generator.images(Inputs(latents))
    kept = out.removesuffix(".png") + ".npz"
    write_file(kept, Inputs(latents).npz())
    cells = [(str(number), image) for number, image in enumerate(images, 1)]
    facts = generator.facts | choice.facts | {"latents": f"{names[0]} to {names[-1]}", "latents_file": kept}
    write_file(out, labelled_png(cells, math.ceil(math.sqrt(len(cells))), facts))
    return _answer(generator, len(images), out) | {"latents": kept}


def _answer(generator: SavedGenerator, images: int, out: str) -> dict[str, Any]:
    return {"run": generator.run.uri, "step": generator.step, "images": images, "out": out}
