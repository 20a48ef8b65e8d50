"""The runs of a sweep: their names, recipes and commands, in the order in which they are trained."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from math import prod
from typing import Any

from gan_core.errors import UsageError
from gan_core.text import short_repr
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe, override
from gan_train.sweeps.document import MOST_RUNS, SweepDocument

SHORT = "--short"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=,-]{0,99}")
_LONGEST_VALUE, _LONGEST_LABEL = 40, 120
"""Characters of a value, and of all keys and values, in the name of a run; what is longer is cut, and ends with a hash."""


@dataclass(frozen=True)
class PlannedRun:
    """A run to be trained.

    Attributes:
        name: name of its folder.
        variant: the name without the seed.
        seed: of the recipe.
        recipe: with every value.
        data: dataset folder.
        folder: run folder, a path or gs:// URI.
        arguments: of `gan-train`, beginning with "run".
    """

    name: str
    variant: str
    seed: int
    recipe: Recipe
    data: str
    folder: str
    arguments: tuple[str, ...]


def plan_sweep(document: SweepDocument, out: str, short: bool = False, options: Sequence[str] = ()) -> list[PlannedRun]:
    """The runs of a sweep: all variants with the first seed, then all with the second, and so on.

    Args:
        document: the file.
        out: folder of the run folders.
        short: whether the recipe's `short` overrides are taken first.
        options: further options of each `gan-train run`.

    Raises:
        UsageError: the recipe, a key or a value is wrong, or two runs would have one name.
    """
    base = load_recipe(document.recipe, short=short)
    seeds = document.seeds or (base.seed,)
    count = prod(map(len, document.grid.values())) * max(1, len(document.variants)) * len(seeds)
    if count > MOST_RUNS:
        raise UsageError(f"{count:,} runs by grid, variants and seeds; a sweep has at most {MOST_RUNS:,}")
    variants = _variants(document, base.name)
    further = (*([SHORT] if short else []), *options)
    return [
        _planned(document, variant, changes | {"seed": seed}, out, further)
        for seed in seeds
        for variant, changes in variants.items()
    ]


def _variants(document: SweepDocument, recipe: str) -> dict[str, dict[str, Any]]:
    """The changes of each variant by its name. Raises UsageError if a name is unusable or stands for two variants."""
    grid = [dict(zip(document.grid, values, strict=True)) for values in product(*document.grid.values())]
    found: dict[str, dict[str, Any]] = {}
    for own in document.variants or [{}]:
        changes = {key: value for key, value in own.items() if key != "name"}
        name = _variant_name(own)
        for point in grid:
            both = changes.keys() & point.keys()
            if both:
                raise UsageError(f"{min(both)} stands both in the grid and in a variant; leave it out of one of them")
            label = ",".join(part for part in (name, _label(point)) if part) or recipe
            if label in found:
                raise UsageError(f"two variants would be named {label}; give each of them another 'name', or remove one")
            found[label] = document.changes | changes | point
    return found


def _variant_name(variant: Mapping[str, Any]) -> str:
    """The name of a variant: its own, or else its keys and values; "" if it has none of them."""
    if "name" not in variant:
        return _label(variant)
    name = variant["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"variants: name {short_repr(name)}: write at most 100 letters, digits and . _ + = , - with a letter or digit first"
        )
    return name


def _label(changes: Mapping[str, Any]) -> str:
    """Keys and values as a part of a folder's name, in alphabetical order: batch_size=64,learning_rate=0.0001.

    Of a key only the last part is taken, if that of no other key is the same.
    """
    lasts = Counter(key.rpartition(".")[2] for key in changes)
    names = {key: last if lasts[last := key.rpartition(".")[2]] == 1 else key for key in changes}
    parts = sorted(f"{_slug(names[key])}={_slug(value)}" for key, value in changes.items())
    return _cut(",".join(parts), _LONGEST_LABEL)


def _slug(value: Any) -> str:
    """A key or value with letters, digits and . _ + - alone."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return _cut(re.sub(r"[^A-Za-z0-9._+-]+", "-", text.strip("[]{}")) or "empty", _LONGEST_VALUE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}-{sha256(text.encode()).hexdigest()[:6]}"


def _planned(
    document: SweepDocument, variant: str, changes: Mapping[str, Any], out: str, further: tuple[str, ...]
) -> PlannedRun:
    name, seed = f"{variant}-seed-{changes['seed']}", changes["seed"]
    overrides = [override(key, value) for key, value in changes.items()]
    try:
        recipe = load_recipe(document.recipe, overrides, SHORT in further)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
    folder = f"{out.rstrip('/')}/{name}"
    changed = [part for one in overrides for part in ("--set", one)]
    arguments = ("run", document.recipe, "--data", document.data, "-o", folder, *changed, *further)
    return PlannedRun(name, variant, seed, recipe, document.data, folder, arguments)
