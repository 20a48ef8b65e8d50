"""The commands of gan-train as `gan-train submit` knows them."""

from collections.abc import Mapping
from typing import Any

from gan_core.errors import UsageError
from gan_core.jobs.line import Program


def _check(command: str, values: Mapping[str, Any]) -> None:
    """Check the recipe of a command that has one, so that a wrong override is found before a machine is paid for.

    Raises:
        UsageError: the recipe or an override is wrong, or the recipe is a file, which the image does not have.
    """
    from gan_train.recipe.document import load_recipe

    recipe = values.get("recipe")
    if recipe is None:
        return
    if recipe.endswith((".yaml", ".yml")) and not recipe.startswith("/"):
        raise UsageError(
            f"{command}: {recipe} is a file of this machine; put it into the image or on a volume and give its full path "
            "there, or name an installed recipe and --set"
        )
    if not recipe.startswith("/"):
        load_recipe(recipe, values.get("overrides") or (), values.get("short", False))


PROGRAM = Program(
    name="gan-train",
    example="run mnist-gan --data gs://BUCKET/digits -o gs://BUCKET/runs/first",
    folders=frozenset({"data", "out", "folder", "folders", "images", "runs"}),
    words=frozenset(),
    check=_check,
)
