"""gan-train interpolate: images along paths between latents, as a grid or as an animation."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.images.labelled import animation, grid_png
from gan_core.storage import write_file
from gan_core.text import short_repr
from gan_train.latents.inputs import Inputs, in_turn
from gan_train.latents.latent import Between, Latents, lerp, path, slerp
from gan_train.sampling.generator import MOST_IMAGES, SavedGenerator, saved_generator
from gan_train.tools.conditions import ConditionOptions, condition_facts, values_in_turn
from gan_train.tools.latent_options import draw_latents, read_inputs, select_latents

_MODES: dict[str, Between] = {"lerp": lerp, "slerp": slerp}
_STEPS = {"png": 10, "gif": 30, "webp": 30}
_PATHS = 10
_POINTS = re.compile(r"\s*[0-9]{1,9}\s*(,\s*[0-9]{1,9}\s*)+")


@dataclass(frozen=True)
class PathOptions:
    """Options for the points that paths go through; None if one was not given.

    Attributes:
        paths: number of paths, each between two random latents of its own; 10 by default.
        seed: seed of the random latents.
        file: saved latents, for `between`.
        between: the points of each path, numbers of saved latents from 1: "3,17" or "3,17,42".
    """

    paths: int | None = None
    seed: int | None = None
    file: str | None = None
    between: tuple[str, ...] = ()


@dataclass(frozen=True)
class Paths:
    """Images along paths between latents.

    Attributes:
        images: uint8 (paths, images of a path, height, width, channels).
        mode: "lerp" or "slerp".
        facts: text chunks of their picture.
    """

    images: NDArray[np.uint8]
    mode: str
    facts: dict[str, str]


def generate_paths(
    generator: SavedGenerator,
    path_options: PathOptions,
    condition_options: ConditionOptions,
    mode: str | None,
    steps: int,
) -> Paths:
    """Generate the images of all paths.

    Args:
        generator: the generator.
        path_options: the points of the paths.
        condition_options: classes or codes, which the paths take in turn; all if none are named.
        mode: "lerp" or "slerp"; None is lerp for uniform latents, which fill a cube, and slerp for normal ones, which lie
            near a sphere (White 2016).
        steps: images from one point to the next, both included.

    Raises:
        UsageError: an option is wrong, or the generator makes points.
        DataError: the generator, or the file of latents, is damaged.
    """
    mode = _checked_mode(mode) or ("lerp" if generator.recipe.latent.distribution == "uniform" else "slerp")
    values = values_in_turn(generator.record, condition_options)
    points, origin_facts = _points(generator, path_options)
    rows, columns = len(points), (points.shape[1] - 1) * (steps - 1) + 1
    if rows * columns > MOST_IMAGES:
        raise UsageError(f"{rows} paths of {columns} images are more than {MOST_IMAGES:,}; take fewer --paths or --steps")
    latents = np.concatenate([path(stations, steps, _MODES[mode]) for stations in points])
    conditions = in_turn(rows, values) if values else None
    images = generator.images(Inputs(latents, None if conditions is None else conditions.repeat(columns)))
    facts = generator.facts | {"mode": mode} | origin_facts | condition_facts(generator.record, conditions)
    return Paths(images.reshape(rows, columns, *images.shape[1:]), mode, facts)


def interpolate(
    folder: str,
    out: str,
    path_options: PathOptions,
    condition_options: ConditionOptions,
    mode: str | None,
    steps: int | None,
    step: int | None,
) -> dict[str, Any]:
    """Write a grid with a path in each row (.png), or an animation of all paths at once (.gif, .webp).

    Args:
        folder: run folder.
        out: path or gs:// URI.
        path_options, condition_options, mode: see `generate_paths`.
        steps: images from one point to the next, both included; None is 10 in a grid and 30 in an animation.
        step: training step of the generator; None is the newest.

    Raises:
        UsageError: an option or the name of `out` is wrong.
        DataError: there is no run, or the latents or the generator are damaged.
        StorageError: a file cannot be read or written.
    """
    ending = Path(out).suffix[1:]
    if ending not in _STEPS:
        raise UsageError(f"-o {out}: write a name ending in .png for a grid, in .gif or .webp for an animation")
    _checked_mode(mode)
    generator = saved_generator(folder, step)
    paths = generate_paths(generator, path_options, condition_options, mode, steps or _STEPS[ending])
    write_file(out, _picture(paths, ending))
    rows, columns = paths.images.shape[:2]
    answer = {"run": generator.run.uri, "step": generator.step, "mode": paths.mode, "paths": rows}
    return answer | {"images": rows * columns, "out": out}


def random_paths_grid(generator: SavedGenerator, paths: int) -> bytes:
    """The grid of `interpolate` for this number of paths between random latents, as a PNG file.

    Raises:
        UsageError: the generator makes points.
        DataError: the generator is damaged.
    """
    return _picture(generate_paths(generator, PathOptions(paths), ConditionOptions(), None, _STEPS["png"]), "png")


def _checked_mode(mode: str | None) -> str | None:
    if mode is not None and mode not in _MODES:
        raise UsageError(f"--mode {mode}: choose lerp (straight lines) or slerp (great arcs)")
    return mode


def _points(generator: SavedGenerator, path_options: PathOptions) -> tuple[Latents, dict[str, str]]:
    """The points of each path, float32 (paths, points, size), and text chunks about their origin."""
    size = generator.recipe.latent_size
    if (path_options.file is None) != (not path_options.between):
        raise UsageError("--latents and --between belong together: --latents bank.npz --between 3,17")
    if path_options.file is None:
        paths, seed = path_options.paths or _PATHS, path_options.seed or 0
        # Path k is between the points 2k and 2k + 1 of the seed, so that no two paths share a point.
        return draw_latents(generator.recipe.latent, seed, 2 * paths, size).reshape(paths, 2, size), {"latents": f"seed-{seed}"}
    if path_options.paths is not None or path_options.seed is not None:
        raise UsageError("--paths and --seed are for random latents; with --latents give one --between for each path")
    latents = read_inputs(path_options.file, size).latents
    numbers_by_path = [parse_points(text, len(latents)) for text in path_options.between]
    if len({len(numbers) for numbers in numbers_by_path}) > 1:
        raise UsageError("all --between take the same number of points, so that the paths are of one length")
    facts = {"latents_file": path_options.file, "latents": "; ".join(path_options.between)}
    return np.stack([select_latents(latents, numbers) for numbers in numbers_by_path]), facts


def parse_points(text: str, count: int) -> tuple[int, ...]:
    """Two or more numbers from "3,17,42". Raises UsageError if one is not in 1 to `count`."""
    if not _POINTS.fullmatch(text):
        raise UsageError(f"--between {short_repr(text)}: write two or more numbers of saved latents with commas, such as 3,17")
    numbers = tuple(int(number) for number in text.split(","))
    for number in numbers:
        if not 1 <= number <= count:
            raise UsageError(f"--between {short_repr(text)}: there is no latent {number}; the file holds 1 to {count}")
    return numbers


def _picture(paths: Paths, ending: str) -> bytes:
    columns = paths.images.shape[1]
    if ending == "png":
        return grid_png(paths.images.reshape(-1, *paths.images.shape[2:]), paths.facts, columns)
    return animation(list(paths.images.swapaxes(0, 1)), ending, paths.facts)
