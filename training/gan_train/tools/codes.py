"""gan-train codes: the meaning of each code of an InfoGAN, as a grid of codes by noise (Chen et al. 2016)."""

from typing import Any

from gan_core.errors import UsageError
from gan_core.images.labelled import grid_png
from gan_core.storage import write_file
from gan_train.latents.inputs import crossed
from gan_train.recipe.examples import Condition
from gan_train.sampling.generator import MOST_IMAGES, SavedGenerator, saved_generator
from gan_train.tools.conditions import heading
from gan_train.tools.latent_options import draw_latents


def codes(folder: str, out: str, rows: int, seed: int, step: int | None) -> dict[str, Any]:
    """Write a grid with a column for each code, or for each class, and the same noise along a row.

    Raises:
        UsageError: the generator has neither codes nor classes, `out` does not end in .png, or there are too many images.
        DataError: there is no run, or its generator is damaged.
        StorageError: `out` cannot be written.
    """
    if not out.endswith(".png"):
        raise UsageError(f"-o {out}: write a name ending in .png")
    generator = saved_generator(folder, step)
    recipe, condition = generator.recipe, generator.recipe.condition
    if condition is None:
        raise UsageError(
            f"{generator.run.uri}: recipe {recipe.name} has neither codes nor classes; make images with 'gan-train sample'"
        )
    if rows * condition.values > MOST_IMAGES:
        raise UsageError(f"{rows} rows of {condition.values} images are more than {MOST_IMAGES:,}; take fewer --rows")
    write_file(out, crossed_grid(generator, condition, rows, seed))
    columns = "codes" if condition.kind == "code" else "classes"
    answer = {"run": generator.run.uri, "step": generator.step, "columns": columns, "values": condition.values}
    return answer | {"rows": rows, "images": rows * condition.values, "out": out}


def crossed_grid(generator: SavedGenerator, condition: Condition, rows: int, seed: int = 0) -> bytes:
    """The grid of `codes` as a PNG file. Raises DataError if the generator is damaged."""
    recipe = generator.recipe
    inputs = crossed(draw_latents(recipe.latent, seed, rows, recipe.latent_size), range(condition.values))
    facts = generator.facts | {"latents": f"seed-{seed}", "columns": condition.kind, "rows": "noise"}
    names = [heading(generator.record, value) for value in range(condition.values)]
    return grid_png(generator.images(inputs), facts, condition.values, names)
