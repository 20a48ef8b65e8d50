"""gan-train sample: images as files, as a grid, or as a numbered bank with its latents; or points as a plot or table."""

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.images.grid import png
from gan_core.images.labelled import grid_png, labelled_png
from gan_core.storage import open_folder, write_file
from gan_train.latents.inputs import Inputs, crossed, in_turn
from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import PointConfig
from gan_train.sampling.generator import MOST_IMAGES, SavedGenerator, saved_generator
from gan_train.tools.conditions import ConditionOptions, check_saved, condition_facts, heading, named_values, values_in_turn
from gan_train.tools.latent_options import COUNT, LatentOptions, latent_inputs
from gan_train.tools.output_folder import check_output_folder
from gan_train.tools.points import check_points_name, points_file

_ROWS = 10
_POINTS = 1000


@dataclass(frozen=True)
class Samples:
    """Generated examples.

    Attributes:
        generator: the generator that made them.
        inputs: its inputs: latents, and classes or codes if it takes them.
        names: name of the latent of each example, such as "seed-7-00003".
        values: images, uint8 (n, height, width, channels), or points, float32 (n, coordinates).
        columns: columns of their grid; None is as square as possible.
    """

    generator: SavedGenerator
    inputs: Inputs
    names: list[str]
    values: NDArray[Any]
    columns: int | None


def generate_samples(generator: SavedGenerator, latent_options: LatentOptions, condition_options: ConditionOptions) -> Samples:
    """Generate examples with the classes or codes of the file of latents, or else those of the options, or all, in turn.

    Classes or codes in turn have a column each, and the zero vector is combined with each of them.

    Raises:
        DataError: the generator or the file of latents is damaged.
        UsageError: an option is wrong.
    """
    record, recipe = generator.record, generator.recipe
    values = values_in_turn(record, condition_options)
    inputs, names = latent_inputs(recipe.latent, recipe.latent_size, latent_options, _default_count(recipe, len(values)))
    columns = len(values) if len(values) > 1 else None
    if inputs.conditions is not None and not named_values(record, condition_options):
        check_saved(record, inputs.conditions, str(latent_options.file))
        columns = None
    elif latent_options.zero and values:
        inputs, names = crossed(inputs.latents, values), names * len(values)
    else:
        inputs = Inputs(inputs.latents, in_turn(len(inputs), values) if values else None)
    return Samples(generator, inputs, names, generator.examples(inputs), columns)


def sample(
    folder: str,
    out: str,
    latent_options: LatentOptions,
    condition_options: ConditionOptions,
    step: int | None,
    force: bool = False,
) -> dict[str, Any]:
    """Write images into a grid (`out` ends in .png) or a folder of single images, or points into a plot (.png) or table (.csv).

    Raises:
        DataError: there is no run, no generator or no file of latents, or one is damaged.
        UsageError: an option or the name of `out` is wrong, or the folder holds other files and `force` is False.
        StorageError: `out` cannot be written.
    """
    generator = saved_generator(folder, step)
    makes_points = isinstance(generator.recipe.examples, PointConfig)
    if makes_points:
        check_points_name(out)
    elif out.endswith(".csv"):
        raise UsageError(f"-o {out}: this run makes images, not points; write a name ending in .png, or a folder")
    elif not out.endswith(".png"):
        check_output_folder(out, force)
    samples = generate_samples(generator, latent_options, condition_options)
    facts = generator.facts | latent_options.facts
    all_facts = facts | {"latents": ",".join(samples.names)} | condition_facts(generator.record, samples.inputs.conditions)
    if makes_points:
        write_file(out, points_file(out, samples.values, all_facts))
    elif out.endswith(".png"):
        write_file(out, grid_png(samples.values, all_facts, samples.columns, _headings(samples)))
    else:
        _write_single_images(samples, out, facts)
    return _answer(generator, "points" if makes_points else "images", len(samples.inputs), out)


def _headings(samples: Samples) -> list[str]:
    """A word for each column, where each holds one class or code."""
    conditions = samples.inputs.conditions
    if conditions is None or samples.columns is None:
        return []
    return [heading(samples.generator.record, int(value)) for value in conditions[: samples.columns]]


def _default_count(recipe: LatentRecipe, columns: int) -> int:
    if isinstance(recipe.examples, PointConfig):
        return _POINTS
    return min(_ROWS * columns, MOST_IMAGES) if columns > 1 else COUNT


def _write_single_images(samples: Samples, out: str, facts: dict[str, str]) -> None:
    """Write each image into a file that is named by its latent and its class or code."""
    condition, conditions = samples.generator.recipe.condition, samples.inputs.conditions
    target = open_folder(out)
    for number, (name, image) in enumerate(zip(samples.names, samples.values, strict=True)):
        own = None if conditions is None else conditions[number : number + 1]
        file = name if condition is None or own is None else f"{name}-{condition.kind}-{own[0]}"
        own_facts = {"latents": name} | condition_facts(samples.generator.record, own)
        target.write(f"{file}.png", png(image, facts | own_facts))


def sample_bank(
    folder: str, out: str, latent_options: LatentOptions, condition_options: ConditionOptions, step: int | None
) -> dict[str, Any]:
    """Write a grid of numbered images, and their latents, with classes or codes, into an .npz file of the same name.

    Raises:
        UsageError: an option is wrong, `out` does not end in .png, or the generator makes points.
        DataError, StorageError: as `sample`.
    """
    if not out.endswith(".png"):
        raise UsageError(f"-o {out}: a bank is one picture with its latents beside it; write a name ending in .png")
    generator = saved_generator(folder, step)
    generator.check_makes_images()
    samples = generate_samples(generator, latent_options, condition_options)
    latents_file = out.removesuffix(".png") + ".npz"
    write_file(latents_file, samples.inputs.npz())
    cells = [(str(number), image) for number, image in enumerate(samples.values, 1)]
    latents = f"{samples.names[0]} to {samples.names[-1]}"
    facts = generator.facts | latent_options.facts | {"latents": latents, "latents_file": latents_file}
    facts |= condition_facts(generator.record, samples.inputs.conditions)
    write_file(out, labelled_png(cells, samples.columns or math.ceil(math.sqrt(len(cells))), facts))
    return _answer(generator, "images", len(cells), out) | {"latents": latents_file}


def _answer(generator: SavedGenerator, kind: str, count: int, out: str) -> dict[str, Any]:
    return {"run": generator.run.uri, "step": generator.step, kind: count, "out": out}
