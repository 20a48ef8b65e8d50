"""gan-train sample: images as files, as a grid, or as a numbered bank whose latents are kept; or points in a plot or table."""

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
from gan_train.tools.choose import COUNT, LatentOptions, choose_inputs
from gan_train.tools.conditions import ConditionOptions, check_saved, condition_facts, named_values, values_in_turn
from gan_train.tools.points import check_points_name, points_file

_ROWS = 10
_POINTS = 1000


@dataclass(frozen=True)
class _Chosen:
    """Inputs with a name for each, and the columns of a grid of them; None is as square as possible."""

    inputs: Inputs
    names: list[str]
    columns: int | None


def sample(folder: str, out: str, choice: LatentOptions, told: ConditionOptions, step: int | None) -> dict[str, Any]:
    """Images into a grid (`out` ends in .png) or a folder of single images; points into a plot (.png) or table (.csv).

    Raises:
        DataError: no run, no generator, or no such latents.
        UsageError: the choice of latents, classes, codes or step is wrong, or `out` does not fit.
        StorageError: `out` cannot be written.
    """
    generator = saved_generator(folder, step)
    makes_points = isinstance(generator.recipe.examples, PointConfig)
    if makes_points:
        check_points_name(out)
    elif out.endswith(".csv"):
        raise UsageError(f"-o {out}: this run makes images, not points; write a name ending in .png, or a folder")
    chosen = _choose(generator, choice, told)
    facts = generator.facts | choice.facts
    all_facts = facts | {"latents": ",".join(chosen.names)} | condition_facts(generator.record, chosen.inputs.conditions)
    if makes_points:
        write_file(out, points_file(out, generator.examples(chosen.inputs), all_facts))
    elif out.endswith(".png"):
        write_file(out, grid_png(generator.images(chosen.inputs), all_facts, chosen.columns))
    else:
        _write_single_images(generator, out, chosen, facts)
    return _answer(generator, "points" if makes_points else "images", len(chosen.inputs), out)


def sampled(generator: SavedGenerator, choice: LatentOptions, told: ConditionOptions) -> NDArray[Any]:
    """Images, uint8 (n, height, width, channels), or points, float32 (n, coordinates). Raises as `sample` does."""
    return generator.examples(_choose(generator, choice, told).inputs)


def _choose(generator: SavedGenerator, choice: LatentOptions, told: ConditionOptions) -> _Chosen:
    """Inputs of a generator, with the classes or codes that a file of latents holds, or else with those told, or all, in turn.

    Where they take turns each has a column, and the zero vector comes with each.
    """
    record, recipe = generator.record, generator.recipe
    values = values_in_turn(record, told)
    inputs, names = choose_inputs(recipe.latent, recipe.latent_size, choice, _default_count(recipe, len(values)))
    if inputs.conditions is not None and not named_values(record, told):
        check_saved(record, inputs.conditions, str(choice.file))
        return _Chosen(inputs, names, None)
    columns = len(values) if len(values) > 1 else None
    if choice.zero and values:
        return _Chosen(crossed(inputs.latents, values), names * len(values), columns)
    return _Chosen(Inputs(inputs.latents, in_turn(len(inputs), values) if values else None), names, columns)


def _default_count(recipe: LatentRecipe, columns: int) -> int:
    if isinstance(recipe.examples, PointConfig):
        return _POINTS
    return min(_ROWS * columns, MOST_IMAGES) if columns > 1 else COUNT


def _write_single_images(generator: SavedGenerator, out: str, chosen: _Chosen, facts: dict[str, str]) -> None:
    """Each as a file named by its latent and by its class or code."""
    condition, conditions = generator.recipe.condition, chosen.inputs.conditions
    images = generator.images(chosen.inputs)
    singles = open_folder(out)
    for number, (name, image) in enumerate(zip(chosen.names, images, strict=True)):
        told = None if conditions is None else conditions[number : number + 1]
        file = name if condition is None or told is None else f"{name}-{condition.kind}-{told[0]}"
        singles.write(f"{file}.png", png(image, facts | {"latents": name} | condition_facts(generator.record, told)))


def sample_bank(folder: str, out: str, choice: LatentOptions, told: ConditionOptions, step: int | None) -> dict[str, Any]:
    """A grid of images with their numbers, from 1, and their latents beside it in an .npz file of the same name.

    Where the generator is told classes or codes, the file keeps them, too.

    Raises:
        UsageError: as in `sample`, or `out` does not end in .png.
        DataError, StorageError: as in `sample`.
    """
    if not out.endswith(".png"):
        raise UsageError(f"-o {out}: a bank is one picture with its latents beside it; write a name ending in .png")
    generator = saved_generator(folder, step)
    chosen = _choose(generator, choice, told)
    images = generator.images(chosen.inputs)
    kept = out.removesuffix(".png") + ".npz"
    write_file(kept, chosen.inputs.npz())
    cells = [(str(number), image) for number, image in enumerate(images, 1)]
    facts = generator.facts | choice.facts | {"latents": f"{chosen.names[0]} to {chosen.names[-1]}", "latents_file": kept}
    facts |= condition_facts(generator.record, chosen.inputs.conditions)
    write_file(out, labelled_png(cells, chosen.columns or math.ceil(math.sqrt(len(cells))), facts))
    return _answer(generator, "images", len(images), out) | {"latents": kept}


def _answer(generator: SavedGenerator, kind: str, count: int, out: str) -> dict[str, Any]:
    return {"run": generator.run.uri, "step": generator.step, kind: count, "out": out}
