"""gan-train recipes and show. Heavy imports wait until a command needs them."""

import typer

from gan_core.command import JsonOption
from gan_train.cli.options import RecipeArgument, SetOption, ShortOption, answer

recipe_commands = typer.Typer()


@recipe_commands.command()
def recipes(as_json: JsonOption = False) -> None:
    """List the recipes of this package and of installed plug-ins.

    \b
      gan-train recipes
      gan-train recipes --json
    """
    from dataclasses import asdict

    from gan_core.notices import warn
    from gan_train.recipe.document import list_recipes
    from gan_train.recipe.installed import OWN

    listed, faults = list_recipes()
    for fault in faults:
        warn(fault)
    longest = max(len(name) for name in listed)
    lines = [
        f"{name:<{longest}} {recipe.about}{'' if recipe.origin == OWN else f' (from {recipe.origin})'}"
        for name, recipe in listed.items()
    ]
    answer({name: asdict(recipe) for name, recipe in listed.items()}, "\n".join(lines), as_json)


@recipe_commands.command()
def show(
    recipe: RecipeArgument,
    overrides: SetOption = None,
    short: ShortOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print a recipe, or that of a run, with every value, as YAML that 'gan-train run' accepts.

    \b
      gan-train show mnist-gan
      gan-train show mnist-gan --set batch_size=128 > mine.yaml
      gan-train show runs/first
    """
    from gan_train.recipe.document import dump_recipe
    from gan_train.runs.run_folder import find_recipe

    chosen = find_recipe(recipe, overrides or [], short)
    answer(chosen.model_dump(mode="json"), dump_recipe(chosen).removesuffix("\n"), as_json)
