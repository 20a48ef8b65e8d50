"""The command line that makes a run again."""

import shlex
from typing import Any

import yaml

from gan_core.errors import UsageError
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import difference, flatten, load_recipe, recipe_names
from gan_train.runs.run_folder import RunRecord

_UNTOLD = ("name", "about", "system", "steps")


def again(record: RunRecord) -> str | None:
    """A `gan-train run` for the same recipe and dataset; None where the recipe is of a file of the user's."""
    recipe = record.recipe
    if recipe.name not in recipe_names():
        return None
    before, now = (flatten(one.model_dump(mode="json")) for one in (load_recipe(recipe.name), recipe))
    changed = [f"{key}={_text(value)}" for key, value in now.items() if key not in _UNTOLD and before.get(key, ...) != value]
    overrides = [*changed, f"steps={recipe.steps}"]
    if not _makes(recipe, overrides):
        return None
    options = [part for one in changed for part in ("--set", one)]
    steps = ["--steps", str(recipe.steps)] if before["steps"] != recipe.steps else []
    return shlex.join(["gan-train", "run", recipe.name, "--data", record.dataset, "-o", "runs/again", *steps, *options])


def _makes(recipe: Recipe, overrides: list[str]) -> bool:
    """Whether the package's recipe becomes this one by the overrides."""
    try:
        made = load_recipe(recipe.name, overrides)
    except UsageError:
        return False
    return difference(made, recipe) is None and made.steps == recipe.steps


def _text(value: Any) -> str:
    """As YAML in one line that is read back as the same."""
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).removesuffix("\n").removesuffix("\n...")
