"""The command line that repeats a run."""

import shlex

from gan_core.errors import UsageError
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import difference, flatten, load_recipe, override, recipe_names
from gan_train.runs.origin import init_options
from gan_train.runs.run_folder import RunRecord

_OMITTED = ("name", "about", "system", "steps")


def rerun_command(record: RunRecord) -> str | None:
    """A `gan-train run` with the same recipe and dataset; None if the recipe was a file of the user."""
    recipe = record.recipe
    if recipe.name not in recipe_names():
        return None
    before, current = (flatten(one.model_dump(mode="json")) for one in (load_recipe(recipe.name), recipe))
    changed = [override(key, value) for key, value in current.items() if key not in _OMITTED and before.get(key, ...) != value]
    overrides = [*changed, f"steps={recipe.steps}"]
    if not _reproduces(recipe, overrides):
        return None
    options = [part for one in changed for part in ("--set", one)]
    steps = ["--steps", str(recipe.steps)] if before["steps"] != recipe.steps else []
    first = init_options(record)
    return shlex.join(["gan-train", "run", recipe.name, "--data", record.dataset, "-o", "runs/again", *steps, *first, *options])


def _reproduces(recipe: Recipe, overrides: list[str]) -> bool:
    """Whether the packaged recipe with the overrides equals this recipe."""
    try:
        loaded = load_recipe(recipe.name, overrides)
    except UsageError:
        return False
    return difference(loaded, recipe) is None and loaded.steps == recipe.steps
