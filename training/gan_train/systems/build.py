"""build_system(recipe): the system that a recipe names."""

from gan_core.errors import UsageError
from gan_train.recipe.base import Recipe
from gan_train.recipe.installed import installed, load
from gan_train.systems.base import System


def build_system(recipe: Recipe) -> System:
    """The system that a recipe names, with fresh weights. Call it inside the strategy's scope.

    Raises:
        UsageError: the system's plug-in is unusable, or its phases and its recipe's `opponents` disagree.
    """
    found = installed().systems[recipe.system]
    system: System = load(f"{found.system_module}:SYSTEM", found.origin)(recipe)
    _check_roles(system, recipe)
    return system


def _check_roles(system: System, recipe: Recipe) -> None:
    """Check that diagnosis and charts, which know the recipe alone, look for the phases that the system has."""
    discriminators = {name for one in recipe.opponents for name in one.discriminator_phases}
    expected = {"discriminator": discriminators, "generator": {one.generator for one in recipe.opponents}}
    for phase in system.phases:
        if phase.role in expected and phase.name not in expected[phase.role]:
            raise UsageError(
                f"system {recipe.system}: phase {phase.name!r} has the role {phase.role}, but the recipe's opponents know "
                f"{', '.join(sorted(expected[phase.role])) or 'none'}; rename the phase, or override Recipe.opponents"
            )
