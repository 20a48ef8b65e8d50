"""gan-train manifold: a grid of images over a two-dimensional latent space (Kingma and Welling 2014, fig. 4)."""

from typing import Any

from gan_core.errors import UsageError
from gan_core.images.labelled import grid_png
from gan_core.storage import write_file
from gan_train.latents.inputs import Inputs
from gan_train.latents.latent import plane
from gan_train.sampling.generator import saved_generator
from gan_train.tools.conditions import ConditionOptions, condition_facts, one_for_all


def manifold(folder: str, out: str, side: int, options: ConditionOptions, step: int | None) -> dict[str, Any]:
    """Write a grid of `side` x `side` images over the latent plane; the first number grows to the right, the second upwards.

    All images of a conditional generator have one class or code.

    Raises:
        UsageError: a conditional generator needs one class or code, the latents of the run do not have two numbers, or
            `out` does not end in .png.
        DataError: there is no run, or its generator is damaged.
        StorageError: `out` cannot be written.
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
    conditions = one_for_all(generator.record, options, side * side)
    latents = plane(generator.recipe.latent, side)
    low, high = float(latents.min()), float(latents.max())
    spacing = "evenly" if generator.recipe.latent.distribution == "uniform" else "at quantiles"
    facts = generator.facts | {"latents": f"{side} x {side} {spacing} from {low:.4g} to {high:.4g}, right and up"}
    facts |= condition_facts(generator.record, conditions)
    images = generator.images(Inputs(latents, conditions))
    along = [f"{value:.1f}" for value in latents[:side, 0]]
    upwards = [f"{value:.1f}" for value in latents[::side, 1]]
    write_file(out, grid_png(images, facts, side, along, upwards))
    return {"run": generator.run.uri, "step": generator.step, "images": len(images), "low": low, "high": high, "out": out}
