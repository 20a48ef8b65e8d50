"""The systems and recipes that are installed: those of this package, found by their files, and those of plug-ins.

A system of this package is a file recipe/NAME.py with `RECIPE`, its recipe class, and a file systems/NAME.py with `SYSTEM`, its
system class. Recipes are the YAML files in recipes/.

A plug-in is an installed Python package with an entry point in the group "gan_train.systems":

    [project.entry-points."gan_train.systems"]
    began = "gan_began"

The entry point's name is the system's, its value a package that holds recipe.py with `RECIPE`, system.py with `SYSTEM`, and the
folder recipes/ with YAML files. Looking for plug-ins imports none of their code; a plug-in with an unusable part is left out
with a message that names it, and the rest works.
"""

import pkgutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gan_train.recipe
from gan_core.errors import UsageError
from gan_train.recipe.base import Recipe

GROUP = "gan_train.systems"
"""The group of entry points that plug-ins use."""

OWN = "ganmill"
"""The origin of the systems and recipes of this package."""

_YAML = ".yaml"


@dataclass(frozen=True)
class InstalledSystem:
    """Where a system is found.

    Attributes:
        name: name of the system, as recipes have it in their key `system`.
        package: the distribution that brings it; `OWN` for ours.
        version: version of that distribution; "" for ours.
        recipe_module: dotted name of the module that defines `RECIPE`.
        system_module: dotted name of the module that defines `SYSTEM`.
    """

    name: str
    package: str
    version: str
    recipe_module: str
    system_module: str

    @property
    def origin(self) -> str:
        """The distribution with its version, such as "gan-began 0.1.0"."""
        return f"{self.package} {self.version}".rstrip()


@dataclass(frozen=True)
class InstalledRecipe:
    """Where a recipe is found.

    Attributes:
        origin: the distribution that brings it, with its version; `OWN` for ours.
        file: the YAML file.
    """

    origin: str
    file: Traversable


@dataclass(frozen=True)
class Installed:
    """All that is installed.

    Attributes:
        systems: systems by name, in alphabetical order.
        recipes: recipes by name, in alphabetical order.
        faults: a message for each plug-in that is left out, saying why and what to do.
    """

    systems: Mapping[str, InstalledSystem]
    recipes: Mapping[str, InstalledRecipe]
    faults: tuple[str, ...]


@dataclass
class _Plugin:
    """An entry point and what was found behind it; `fault` says why it cannot be used."""

    entry: EntryPoint
    fault: str = ""
    recipes: dict[str, Traversable] = field(default_factory=dict)

    @property
    def system(self) -> InstalledSystem:
        distribution, module = self.entry.dist, self.entry.value
        package, version = (distribution.name, distribution.version) if distribution else (module, "")
        return InstalledSystem(self.entry.name, package, version, f"{module}.recipe", f"{module}.system")

    @property
    def origin(self) -> str:
        return self.system.origin


@cache
def installed() -> Installed:
    """The systems and recipes of this process. Packages that are installed later need a new process."""
    systems, recipes = _own_systems(), _own_recipes()
    plugins = [_found(entry) for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))]
    _refuse_clashes(plugins, systems, recipes)
    for plugin in plugins:
        if not plugin.fault:
            systems[plugin.entry.name] = plugin.system
            recipes |= {name: InstalledRecipe(plugin.origin, file) for name, file in plugin.recipes.items()}
    faults = tuple(f"plug-in {plugin.origin} is left out: {plugin.fault}" for plugin in plugins if plugin.fault)
    return Installed(dict(sorted(systems.items())), dict(sorted(recipes.items())), faults)


def recipe_class(system: InstalledSystem) -> type[Recipe]:
    """The class that checks the recipes of a system. Raises UsageError that names the plug-in if it is unusable."""
    found = load(f"{system.recipe_module}:RECIPE", system.origin)
    if not (isinstance(found, type) and issubclass(found, Recipe)):
        raise UsageError(f"plug-in {system.origin}: {system.recipe_module}.RECIPE is no recipe class; derive it from Recipe")
    return found


def load(reference: str, origin: str) -> Any:
    """The object that "module:name" refers to.

    Args:
        reference: name of a module and of an object in it.
        origin: the distribution that it belongs to, for the message; `OWN` for ours.

    Raises:
        UsageError: the module of a plug-in cannot be imported, or has no such object.
    """
    module, _, name = reference.partition(":")
    try:
        return getattr(import_module(module), name)
    except (Exception, SystemExit) as error:
        if origin == OWN:
            raise
        # Code of another package may raise anything when it is imported.
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        where = f"'python -c \"import {module}\"' shows where"
        raise UsageError(
            f"plug-in {origin}: {reference} cannot be loaded ({why}); repair it ({where}) or uninstall it"
        ) from error


def _own_systems() -> dict[str, InstalledSystem]:
    """Our systems by name: the modules beside this one that define `RECIPE`."""
    names = (module.name for module in pkgutil.iter_modules(gan_train.recipe.__path__))
    return {
        name: InstalledSystem(name, OWN, "", f"gan_train.recipe.{name}", f"gan_train.systems.{name}")
        for name in names
        if hasattr(import_module(f"gan_train.recipe.{name}"), "RECIPE")
    }


def _own_recipes() -> dict[str, InstalledRecipe]:
    return {name: InstalledRecipe(OWN, file) for name, file in _yaml_files((files("gan_train") / "recipes").iterdir()).items()}


def _found(entry: EntryPoint) -> _Plugin:
    """The recipes of an entry point's package, found without running its code."""
    plugin = _Plugin(entry)
    try:
        spec = find_spec(entry.value)
    except Exception as error:
        # The parents of a dotted name are imported, and may raise anything.
        plugin.fault = (
            f"its entry point {entry.name!r} is {entry.value!r}, which cannot be found ({error}); repair or uninstall it"
        )
        return plugin
    if spec is None or not spec.submodule_search_locations:
        plugin.fault = f"its entry point {entry.name!r} is {entry.value!r}, which is no installed package; reinstall it"
        return plugin
    folders = (Path(place) / "recipes" for place in spec.submodule_search_locations)
    plugin.recipes = _yaml_files(file for folder in folders if folder.is_dir() for file in folder.iterdir())
    return plugin


def _yaml_files(found: Iterable[Traversable]) -> dict[str, Traversable]:
    return {file.name.removesuffix(_YAML): file for file in found if file.name.endswith(_YAML)}


def _refuse_clashes(
    plugins: list[_Plugin], systems: Mapping[str, InstalledSystem], recipes: Mapping[str, InstalledRecipe]
) -> None:
    """Mark each plug-in that claims a name of ours, or one that another plug-in claims too: nobody can say which is meant."""
    usable = [plugin for plugin in plugins if not plugin.fault]
    claims = Counter(("system", plugin.entry.name) for plugin in usable)
    claims.update(("recipe", name) for plugin in usable for name in plugin.recipes)
    claims.update(("system", name) for name in systems)
    claims.update(("recipe", name) for name in recipes)
    for plugin in usable:
        wanted = [("system", plugin.entry.name), *(("recipe", name) for name in plugin.recipes)]
        clash = next((claim for claim in wanted if claims[claim] > 1), None)
        if clash:
            kind, name = clash
            others = [one.origin for one in usable if one is not plugin and (name == one.entry.name or name in one.recipes)]
            known = systems if kind == "system" else recipes
            owner = OWN if name in known else ", ".join(sorted(set(others)))
            plugin.fault = (
                f"its {kind} {name!r} has the name of a {kind} of {owner}; rename it there, or uninstall one of the two"
            )
