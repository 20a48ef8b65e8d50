"""The file of a sweep: a recipe, a dataset, and what changes between the runs.

recipe: mnist-dcgan
data: data/digits
set: {steps: 900}
grid: {latent_size: [50, 100]}
seeds: 3
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, StringConstraints, ValidationError

from gan_core.documents import YAML_BYTES, parse_yaml
from gan_core.errors import StorageError, UsageError
from gan_core.plain import in_plain_words, suggestion
from gan_core.storage import open_file
from gan_core.text import printable, short_repr
from gan_train.recipe.section import Section

MOST_RUNS = 1000
"""The most runs of a sweep: a bound that a slip such as `seeds: 1000000` exceeds at once."""

MOST_SEED = 2**32 - 1
"""The largest seed of a recipe."""

_REMEDY = "docs/guides/sweeps.md shows such a file"


def seed_numbers(value: Any) -> tuple[int, ...] | None:
    """The seeds that the key `seeds` stands for: a count n is 0 to n-1; None is the seed of the recipe.

    Raises ValueError if it is neither a count from 1 to `MOST_RUNS` nor a list of different seeds.
    """
    if value is None:
        return None
    if type(value) is int and 1 <= value <= MOST_RUNS:
        return tuple(range(value))
    seeds = value if isinstance(value, list | tuple) and len(value) <= MOST_RUNS else ()
    if seeds and all(type(seed) is int and 0 <= seed <= MOST_SEED for seed in seeds) and len(set(seeds)) == len(seeds):
        return tuple(seeds)
    raise ValueError(
        f"write how many seeds, from 1 to {MOST_RUNS}, or a list of different seeds, each a whole number from 0 to {MOST_SEED}"
    )


def _without_seed(changes: dict[str, Any]) -> dict[str, Any]:
    if "seed" in changes:
        raise ValueError("seed is not set here; write 'seeds: 3' or 'seeds: [1, 5]' at the top of the file")
    return changes


_Words = Annotated[str, StringConstraints(min_length=1, strict=True)]

Changes = Annotated[dict[_Words, JsonValue], AfterValidator(_without_seed)]
"""Recipe keys and their values, as `--set` has them: {"batch_size": 128, "generator.optimizer.learning_rate": 0.0001}."""

_Values = Annotated[list[JsonValue], Field(min_length=1, max_length=MOST_RUNS)]


class SweepDocument(Section):
    """The keys of the file.

    Attributes:
        recipe: name of a recipe, or of a .yaml file, as `gan-train run` takes it.
        data: dataset folder, a path or gs:// URI.
        changes: the key `set`: recipe keys of every run.
        grid: values to try for recipe keys; each combination is a variant.
        variants: sets of recipe keys, each a variant, or with a grid one for each combination of it; "name" in one names it.
        seeds: the seeds of each variant; None is the one of the recipe.
    """

    recipe: _Words
    data: _Words
    changes: Annotated[Changes, Field(alias="set", default_factory=dict)]
    grid: Annotated[dict[_Words, _Values], AfterValidator(_without_seed), Field(default_factory=dict)]
    variants: Annotated[list[Changes], Field(default_factory=list, max_length=MOST_RUNS)]
    seeds: Annotated[tuple[int, ...] | None, BeforeValidator(seed_numbers)] = None


_KEYS = [field.alias or name for name, field in SweepDocument.model_fields.items()]


def read_sweep(uri: str) -> SweepDocument:
    """Read the file of a sweep.

    Args:
        uri: path or gs:// URI.

    Raises:
        UsageError: there is no such file, it is no YAML, or a key or value is wrong; the message names it.
    """
    try:
        folder, name = open_file(uri)
        with folder.open_binary(name) as file:
            content = file.read(YAML_BYTES + 1)
    except StorageError as error:
        raise UsageError(f"sweep file {error}; {_REMEDY}") from error
    try:
        documents = parse_yaml(content)
    except ValueError as error:
        raise UsageError(f"sweep file {uri}: not valid YAML: {error}") from error
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise UsageError(f"sweep file {uri}: not a mapping of keys to values; {_REMEDY}")
    try:
        return SweepDocument.model_validate(documents[0])
    except ValidationError as error:
        raise UsageError(f"sweep file {uri}: {_first_fault(error)}") from error


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = printable(".".join(str(part) for part in first["loc"]))[:200]
    if first["type"] == "extra_forbidden":
        return f"unknown key {key}; the keys are {', '.join(_KEYS)}{suggestion(key, _KEYS)}"
    if first["type"] == "missing":
        return f"the key {key} is missing; {_REMEDY}"
    return f"{key}: {in_plain_words(first['msg'])} (got {short_repr(first['input'])})"
