"""Recipes as documents: installed recipes by name, YAML files, overrides on the command line.

recipe = load_recipe("mnist-gan", ["batch_size=128", "generator.optimizer.learning_rate=1e-4"])

A document holds a recipe's keys, and two more: `base` names the recipe that it changes, section by section; `short` holds
`key.path: value` overrides for a training of minutes (`--short`). The file of an installed recipe is named by its key `name`.
"""

import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from gan_core.documents import YAML_BYTES, known_keys, parse_yaml
from gan_core.errors import UsageError
from gan_core.plain import in_plain_words, suggestion
from gan_core.storage import open_regular
from gan_core.text import printable, short_repr
from gan_train.recipe.base import Recipe
from gan_train.recipe.installed import OWN, installed, recipe_class

_BASE, _SHORT = "base", "short"

OUTSIDE_A_STEP = ("about", "steps", "known_score")
"""Keys that do not change how a step is computed."""


class UnknownSystemError(UsageError):
    """A document names a system that is not installed."""


def recipe_names() -> list[str]:
    """Names of the installed recipes, in alphabetical order."""
    return list(installed().recipes)


@dataclass(frozen=True)
class ListedRecipe:
    """A line of `gan-train recipes`.

    Attributes:
        about: the recipe's own line.
        origin: the distribution that brings it, with its version.
    """

    about: str
    origin: str


def list_recipes() -> tuple[dict[str, ListedRecipe], tuple[str, ...]]:
    """The installed recipes by name, and a message for each plug-in and each recipe of a plug-in that cannot be used."""
    listed, faults = {}, list(installed().faults)
    for name, recipe in installed().recipes.items():
        try:
            listed[name] = ListedRecipe(load_recipe(name).about, recipe.origin)
        except UsageError as error:
            faults.append(f"recipe {name} of {recipe.origin} is left out: {error}")
    return listed, tuple(faults)


def load_recipe(name: str, overrides: Sequence[str] = (), short: bool = False) -> Recipe:
    """An installed recipe, or that of a YAML file.

    Args:
        name: name of the recipe, or of a file that ends in .yaml or .yml.
        overrides: `key.path=value`; the last one wins.
        short: whether the recipe's `short` overrides are taken first.

    Raises:
        UsageError: the recipe or a key is unknown, or a value is out of range; the message names it.
    """
    document = _read_document(name)
    _check_name(document, name)
    shortened = document.pop(_SHORT, None)
    if short:
        for path, value in _short_overrides(name, shortened).items():
            _set(document, path, value)
    return _overridden(document, overrides, name)


def changed_recipe(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """A recipe with some keys changed; arguments and errors as in `load_recipe`."""
    return _overridden(recipe.model_dump(mode="json"), overrides, recipe.name)


def _overridden(document: dict[str, Any], overrides: Sequence[str], where: str) -> Recipe:
    for override in overrides:
        _apply(document, override)
    return check_recipe(document, where)


def _check_name(document: Mapping[str, Any], name: str) -> None:
    """Check that an installed recipe has the name of its file, by which commands take it; a file given by path may differ.

    Raises:
        UsageError: the names differ; the message says in which file.
    """
    recipe = installed().recipes.get(name)
    if recipe and document.get("name") != name:
        raise UsageError(
            f"recipe {name}: name: must be {name}, the name of its file (got {short_repr(document.get('name'))}); "
            f"mend {recipe.file.name} in {recipe.origin}, or rename it"
        )


def check_recipe(document: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from its document.

    Args:
        document: the recipe's keys and values.
        where: name of the recipe or file, for messages.

    Raises:
        UnknownSystemError: no system of that name is installed.
        UsageError: a key is unknown or a value out of range; the message names the first one.
    """
    system = document.get("system")
    known = installed()
    if not isinstance(system, str) or system not in known.systems:
        raise UnknownSystemError(
            f"recipe {where}: system: choose one of: {', '.join(known.systems)} (got {short_repr(system)}), or install the "
            f"package that adds it{_left_out()}"
        )
    found = known.systems[system]
    checked = recipe_class(found)
    try:
        return checked.model_validate(document)
    except ValidationError as error:
        raise UsageError(f"recipe {where}: {_first_fault(error, checked)}") from error
    except Exception as error:
        if found.package == OWN:
            raise
        # The checks of another package may raise anything, and must not cost the recipes of the others.
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(
            f"plug-in {found.origin}: its check of recipe {where} fails in {last.filename}, line {last.lineno} "
            f"({type(error).__name__}: {printable(str(error))}); repair it or uninstall it"
        ) from error


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML that `load_recipe` reads back unchanged."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, width=120, default_flow_style=None)


def override(key: str, value: Any) -> str:
    """A change of a recipe as `load_recipe` takes it: `key.path=value`, the value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return f"{key}=" + text.removesuffix("\n").removesuffix("\n...")


def difference(before: Recipe, now: Recipe, ignored: Collection[str] = OUTSIDE_A_STEP) -> str | None:
    """The first key that differs, as `key: old -> new`, or None. The keys `ignored` may differ."""
    old, new = flatten(before.model_dump(mode="json")), flatten(now.model_dump(mode="json"))
    for key in old | new:
        if key.partition(".")[0] not in ignored and old.get(key) != new.get(key):
            return f"{key}: {old.get(key)} -> {new.get(key)}"
    return None


def flatten(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping, with keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _read_document(name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The document of a recipe, laid over the document of its base; `above` names the recipes that lie over it."""
    document = _parse_document(name)
    base = document.pop(_BASE, None)
    if base is None:
        return document
    if base not in recipe_names():
        raise UsageError(f"recipe {name}: base: choose one of: {', '.join(recipe_names())} (got {short_repr(base)})")
    if base in (*above, name):
        raise UsageError(f"recipe {name}: base: {base} has itself as a base, through this key; name another recipe")
    return _merged(_read_document(base, (*above, name)), document)


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict) and key != _SHORT
        merged[key] = _merged(below[key], value) if both else value
    return merged


def _parse_document(name: str) -> dict[str, Any]:
    recipe = installed().recipes.get(name)
    if recipe:
        try:
            text = recipe.file.read_bytes()
        except OSError as error:
            raise UsageError(f"recipe {name}: {error}; repair or reinstall {recipe.origin}") from error
    elif name.endswith((".yaml", ".yml")):
        try:
            with open_regular(name) as file:
                text = file.read(YAML_BYTES + 1)
        except OSError as error:
            raise UsageError(f"recipe file {name}: {error}; give a YAML file or a name from 'gan-train recipes'") from error
    else:
        known = ", ".join(recipe_names())
        near = suggestion(name, recipe_names())
        raise UsageError(f"unknown recipe {name!r}; choose one of: {known}, or give a .yaml file{_left_out()}{near}")
    try:
        documents = parse_yaml(text)
    except ValueError as error:
        raise UsageError(f"recipe {name}: not valid YAML: {error}") from error
    # In a run of version 0.1 a second document of this file says which dataset and versions it was.
    if len(documents) == 2 and isinstance(documents[1], dict) and "dataset_digest" in documents[1]:
        documents.pop()
    document = documents[0] if len(documents) == 1 else None
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise UsageError(f"recipe {name}: not a mapping of keys to values; start from 'gan-train show mnist-gan'")
    return document


def _left_out() -> str:
    """The end of a message that names what is known: which plug-ins are left out, and why."""
    return "".join(f"; {fault}" for fault in installed().faults)


def _short_overrides(name: str, shortened: Any) -> dict[str, Any]:
    if not isinstance(shortened, dict) or not shortened or not all(isinstance(path, str) for path in shortened):
        raise UsageError(f"recipe {name}: has no short training; give it one: 'short: {{steps: 200, snapshot_every: 50}}'")
    return shortened


def _apply(document: dict[str, Any], override: str) -> None:
    """Set one `key.path=value` in place; the value is read as YAML."""
    path, separator, text = override.partition("=")
    if not separator or not path.strip():
        raise UsageError(f"--set {short_repr(override)}: write key=value, such as --set batch_size=128")
    _set(document, path.strip(), _parse_value(text, override))


def _set(document: dict[str, Any], path: str, value: Any) -> None:
    """Set a key in place, in new sections where the document has none."""
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        if place.get(parent) is None:
            place[parent] = {}
        place = place[parent]
        if not isinstance(place, dict):
            raise UsageError(
                f"{path[:200]}: {short_repr(parent)} is no section of this recipe; 'gan-train show' prints the keys"
            )
    place[last] = value


def _parse_value(text: str, override: str) -> Any:
    try:
        documents = parse_yaml(text)
    except ValueError as error:
        raise UsageError(f"--set {short_repr(override)}: the value is not valid YAML ({error})") from error
    if len(documents) > 1:
        raise UsageError(f"--set {short_repr(override)}: write one value")
    value = documents[0] if documents else None
    # YAML 1.1 reads 1e-4, without a dot, as a string.
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _first_fault(error: ValidationError, checked: type[Recipe]) -> str:
    first = error.errors()[0]
    key = printable(".".join(str(part) for part in first["loc"]))[:200]
    if first["type"] == "extra_forbidden":
        place = first["loc"][:-1]
        near = suggestion(key, [".".join((*map(str, place), name)) for name in known_keys(checked, place)])
        return f"unknown key {key}; 'gan-train show' prints the known ones{near}"
    message = in_plain_words(first["msg"])
    return f"{key}: {message} (got {short_repr(first['input'])})" if key else message
