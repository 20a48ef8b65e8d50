"""gan-train manifold: the whole of a two-dimensional latent space in one picture."""

from typing import Any

from gan_core.errors import UsageError
from gan_core.images.labelled import grid_png
from gan_core.storage import write_file
from gan_train.latents.inputs import Inputs
from gan_train.latents.latent import plane
from gan_train.sampling.generator import saved_generator
from gan_train.tools.conditions import ConditionOptions, condition_facts, the_same_for_all


def manifold(folder: str, out: str, side: int, told: ConditionOptions, step: int | None) -> dict[str, Any]:
    """A grid of `side` x `side` images over the latent plane; the first latent grows to the right, the second upwards.

    All of the one class or code that a conditional generator is told.

    Raises:
        UsageError: not one class or code is named where the generator is told one, the run's latents are not of size 2, or
            `out` does not end in .png.
        DataError, StorageError: as they say; nothing is written then.
    """
    if not out.endswith(".png"):
        raise UsageError(f"-o {out}: write a name ending in .png")
    generator = saved_generator(folder, step)
    size = generator.recipe.latent_size
    if size != 2:
        raise UsageError(
            f"{generator.run.uri}: its latents have {size} numbers, and a plane has 2; train one with --set latent_size=2, "
            "or look along lines with 'gan-train interpolate'"
        )
    conditions = the_same_for_all(generator.record, told, side * side)
    latents = plane(generator.recipe.latent, side)
    low, high = float(latents.min()), float(latents.max())
    spacing = "evenly" if generator.recipe.latent.distribution == "uniform" else "at quantiles"
    facts = generator.facts | {"latents": f"{side} x {side} {spacing} from {low:.4g} to {high:.4g}, right and up"}
    facts |= condition_facts(generator.record, conditions)
    images = generator.images(Inputs(latents, conditions))
    write_file(out, grid_png(images, facts, side))
    return {"run": generator.run.uri, "step": generator.step, "images": len(images), "low": low, "high": high, "out": out}
