"""gan-train interpolate: what lies between latents, as a grid of paths or as an animation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.images.labelled import animation, grid_png
from gan_core.storage import write_file
from gan_train.latents.inputs import Conditions, Inputs, in_turn
from gan_train.latents.latent import Between, Latents, lerp, path, slerp
from gan_train.sampling.generator import MOST_IMAGES, SavedGenerator, saved_generator
from gan_train.tools.choose import drawn, members, read_inputs
from gan_train.tools.conditions import ConditionOptions, condition_facts, values_in_turn

_MODES: dict[str, Between] = {"lerp": lerp, "slerp": slerp}
_STEPS = {"png": 10, "gif": 30, "webp": 30}
_PATHS = 10
_POINTS = re.compile(r"\s*[0-9]{1,9}\s*(,\s*[0-9]{1,9}\s*)+")


@dataclass(frozen=True)
class PathOptions:
    """The options of the command line about the points that paths lead through; None where one was not given.

    Attributes:
        paths: how many, each between two random latents of its own; by default 10.
        seed: of the random latents.
        file: saved latents, for `between`.
        between: for each path its points, one-based numbers of saved latents: "3,17" or "3,17,42".
    """

    paths: int | None = None
    seed: int | None = None
    file: str | None = None
    between: tuple[str, ...] = ()


def interpolate(
    folder: str, out: str, route: PathOptions, told: ConditionOptions, mode: str | None, steps: int | None, step: int | None
) -> dict[str, Any]:
    """A grid with a path in each row (.png), or an animation that walks all paths at once (.gif, .webp).

    Args:
        folder: of the run.
        out: path or gs:// URI.
        route: what the paths lead through.
        told: classes or codes of a conditional generator, taken by the paths in turn; all if it names none.
        mode: "lerp" or "slerp"; None is the line for uniform latents, which fill a cube, and the arc for normal ones,
            which lie near a sphere.
        steps: images from one point to the next, both included; None is 10 in a grid and 30 in an animation.
        step: of the generator, or the newest.

    Raises:
        UsageError, DataError, StorageError: as they say; nothing is written then.
    """
    ending = Path(out).suffix[1:]
    if ending not in _STEPS:
        raise UsageError(f"-o {out}: write a name ending in .png for a grid, in .gif or .webp for an animation")
    _check_mode(mode)
    generator = saved_generator(folder, step)
    mode = mode or _natural_mode(generator)
    values = values_in_turn(generator.record, told)
    points, origin = _points(generator, route)
    steps = steps or _STEPS[ending]
    rows, columns = len(points), _columns(points, steps)
    _check_count(rows, columns)
    write_file(out, _drawn(generator, points, origin, steps, mode, values, ending))
    answer = {"run": generator.run.uri, "step": generator.step, "mode": mode, "paths": rows}
    return answer | {"images": rows * columns, "out": out}


def interpolated(
    generator: SavedGenerator, route: PathOptions, told: ConditionOptions, mode: str | None, steps: int
) -> NDArray[np.uint8]:
    """The images of all paths, uint8 (paths, images of a path, height, width, channels); see `interpolate`.

    Raises:
        UsageError: an option is wrong, or the generator makes points.
        DataError: the generator, or the file of latents, is damaged.
    """
    _check_mode(mode)
    values = values_in_turn(generator.record, told)
    points, _ = _points(generator, route)
    rows, columns = len(points), _columns(points, steps)
    _check_count(rows, columns)
    images, _ = _walked(generator, points, steps, mode or _natural_mode(generator), values)
    return images.reshape(rows, columns, *images.shape[1:])


def random_paths_grid(generator: SavedGenerator, paths: int) -> bytes:
    """The grid of so many paths between random latents, as the command draws it, as a PNG file.

    Raises:
        UsageError: the generator makes points.
        DataError: it is damaged.
    """
    points, origin = _points(generator, PathOptions(paths))
    values = values_in_turn(generator.record, ConditionOptions())
    return _drawn(generator, points, origin, _STEPS["png"], _natural_mode(generator), values, "png")


def _check_mode(mode: str | None) -> None:
    if mode is not None and mode not in _MODES:
        raise UsageError(f"--mode {mode}: choose lerp (straight lines) or slerp (great arcs)")


def _check_count(paths: int, images: int) -> None:
    if paths * images > MOST_IMAGES:
        raise UsageError(f"{paths} paths of {images} images are more than {MOST_IMAGES:,}; take fewer --paths or --steps")


def _natural_mode(generator: SavedGenerator) -> str:
    return "lerp" if generator.recipe.latent.distribution == "uniform" else "slerp"


def _columns(points: Latents, steps: int) -> int:
    return (points.shape[1] - 1) * (steps - 1) + 1


def _drawn(
    generator: SavedGenerator,
    points: Latents,
    origin: dict[str, str],
    steps: int,
    mode: str,
    values: Sequence[int],
    ending: str,
) -> bytes:
    """The picture of the paths through `points`, each of which has one of the `values`, in turn."""
    images, conditions = _walked(generator, points, steps, mode, values)
    columns = _columns(points, steps)
    facts = generator.facts | {"mode": mode} | origin | condition_facts(generator.record, conditions)
    return _picture(images, columns, ending, facts)


def _walked(
    generator: SavedGenerator, points: Latents, steps: int, mode: str, values: Sequence[int]
) -> tuple[NDArray[np.uint8], Conditions | None]:
    """The images of all paths one after another, uint8 (n, height, width, channels), and the class or code of each path."""
    walked = np.concatenate([path(stations, steps, _MODES[mode]) for stations in points])
    conditions = in_turn(len(points), values) if values else None
    each = None if conditions is None else conditions.repeat(_columns(points, steps))
    return generator.images(Inputs(walked, each)), conditions


def _points(generator: SavedGenerator, route: PathOptions) -> tuple[Latents, dict[str, str]]:
    """The points each path goes through, float32 (paths, points, size), and facts on where they are from."""
    size = generator.recipe.latent_size
    if (route.file is None) != (not route.between):
        raise UsageError("--latents and --between belong together: --latents bank.npz --between 3,17")
    if route.file is None:
        paths, seed = route.paths or _PATHS, route.seed or 0
        # Path k is between the points 2k and 2k + 1 of the seed, so that no two paths share one.
        return drawn(generator.recipe.latent, seed, 2 * paths, size).reshape(paths, 2, size), {"latents": f"seed-{seed}"}
    if route.paths is not None or route.seed is not None:
        raise UsageError("--paths and --seed are for random latents; with --latents give one --between for each path")
    latents = read_inputs(route.file, size).latents
    chosen = [parse_points(text, len(latents)) for text in route.between]
    if len({len(numbers) for numbers in chosen}) > 1:
        raise UsageError("all --between take the same number of points, so that the paths are of one length")
    facts = {"latents_file": route.file, "latents": "; ".join(route.between)}
    return np.stack([members(latents, numbers) for numbers in chosen]), facts


def parse_points(text: str, known: int) -> tuple[int, ...]:
    """Two or more one-based numbers from "3,17,42". Raises UsageError if one is not in 1 to `known`."""
    if not _POINTS.fullmatch(text):
        raise UsageError(f"--between {text!r}: write two or more numbers of saved latents with commas, such as 3,17")
    numbers = tuple(int(number) for number in text.split(","))
    for number in numbers:
        if not 1 <= number <= known:
            raise UsageError(f"--between {text!r}: there is no latent {number}; the file holds 1 to {known}")
    return numbers


def _picture(images: NDArray[np.uint8], columns: int, ending: str, facts: dict[str, str]) -> bytes:
    if ending == "png":
        return grid_png(images, facts, columns)
    moments = images.reshape(-1, columns, *images.shape[1:]).swapaxes(0, 1)
    return animation(list(moments), ending, facts)
