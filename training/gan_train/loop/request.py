"""The request for a training, from the command line or from Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any, TypedDict

from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe
from gan_train.runs.operation import Operation, read_operation

Overrides = Mapping[str, Any] | Sequence[str]
"""Changes to a recipe: {"batch_size": 128, "generator.optimizer.learning_rate": 1e-4}, or "batch_size=128" for each."""


class TrainingOptions(TypedDict):
    """The options that `gan-train run` and `gan_train.train` have in common; see `gan_train.train`."""

    overrides: Overrides
    steps: int | None
    short: bool
    strategy: str
    logical_cpus: int
    on_divergence: str
    on_failure: str
    max_rollbacks: int
    keep: str
    on_corrupt: str
    cluster_timeout: float


@dataclass(frozen=True)
class Request:
    """A request for a training: recipe, dataset, run folder, devices and policies.

    Attributes:
        recipe: as the caller chose it; its `steps` is the step to train to.
        data: dataset folder, a path or gs:// URI.
        out: run folder, a path or gs:// URI; continued if it holds this run.
        operation: what a divergence, a failure or a damaged shard leads to, and which checkpoints stay.
        strategy: name of a distribution strategy; see `gan_train.distribution.strategy.make_strategy`.
        logical_cpus: devices that the CPU is split into, to try several devices without GPUs.
        cluster_timeout: seconds to wait for the other workers of a cluster.
    """

    recipe: Recipe
    data: str
    out: str
    operation: Operation
    strategy: str
    logical_cpus: int
    cluster_timeout: float


def read_request(recipe: str, data: str, out: str, options: TrainingOptions) -> Request:
    """A request, checked as far as that is possible without the data and the devices.

    Args:
        recipe: name of a recipe, or of a YAML file.
        data: dataset folder, a path or gs:// URI.
        out: run folder, a path or gs:// URI.
        options: see `gan_train.train`.

    Raises:
        UsageError: the recipe or an option is wrong; the message names it.
    """
    operation = read_operation(
        options["on_divergence"], options["on_failure"], options["max_rollbacks"], options["keep"], options["on_corrupt"]
    )
    last = [f"steps={options['steps']}"] if options["steps"] is not None else []
    chosen = load_recipe(recipe, [*_texts(options["overrides"]), *last], options["short"])
    return Request(chosen, data, out, operation, options["strategy"], options["logical_cpus"], options["cluster_timeout"])


def _texts(overrides: Overrides) -> list[str]:
    """Overrides as the command line has them: key.path=value, the value in YAML, of which JSON is a part."""
    return [f"{key}={dumps(value)}" for key, value in overrides.items()] if isinstance(overrides, Mapping) else list(overrides)
