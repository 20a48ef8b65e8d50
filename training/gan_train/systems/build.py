"""build_system(recipe): the system that a recipe names."""

from typing import get_args

from gan_core.errors import UsageError
from gan_train.numerics.precision import resolved
from gan_train.recipe.base import Recipe
from gan_train.recipe.installed import installed, load
from gan_train.recipe.opponents import Role
from gan_train.systems.base import System
from gan_train.systems.freezing import freeze


def build_system(recipe: Recipe) -> System:
    """The system that a recipe names, with fresh weights. Call it inside the strategy's scope.

    Raises:
        UsageError: the system's plug-in is unusable, a phase has a player or a role that does not exist, or the phases
            and the recipe's `opponents` disagree; or there is no layer to freeze by a name of the recipe's `freeze`.
    """
    found = installed().systems[recipe.system]
    system: System = load(f"{found.system_module}:SYSTEM", found.origin)(recipe)
    _check_phases(system, recipe)
    freeze(system, recipe.freeze, resolved(recipe.precision))
    return system


def _check_phases(system: System, recipe: Recipe) -> None:
    """Check players and roles, and that diagnosis and charts, which know the recipe alone, look for the phases that exist."""
    discriminators = {name for one in recipe.opponents for name in one.discriminator_phases}
    expected = {"discriminator": discriminators, "generator": {one.generator for one in recipe.opponents}}
    for phase in system.phases:
        for key, value, known in (("player", phase.player, tuple(system.players)), ("role", phase.role, get_args(Role))):
            if value not in known:
                raise UsageError(
                    f"system {recipe.system}: phase {phase.name!r}: {key}: take one of: {', '.join(known)} (got {value!r})"
                )
        if phase.role in expected and phase.name not in expected[phase.role]:
            raise UsageError(
                f"system {recipe.system}: phase {phase.name!r} has the role {phase.role}, but the recipe's opponents know "
                f"{', '.join(sorted(expected[phase.role])) or 'none'}; rename the phase, or override Recipe.opponents"
            )
