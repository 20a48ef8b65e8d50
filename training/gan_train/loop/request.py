"""The request for a training, from the command line or from Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any, TypedDict

from gan_core.errors import UsageError, check_least
from gan_core.text import short_repr
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe
from gan_train.runs.operation import Operation, read_operation

JIT = ("on", "off", "auto")
"""Whether XLA compiles the forward and backward passes; "auto" decides by the devices."""

Overrides = Mapping[str, Any] | Sequence[str]
"""Changes to a recipe: {"batch_size": 128, "generator.optimizer.learning_rate": 1e-4}, or "batch_size=128" for each."""


class TrainingOptions(TypedDict, total=False):
    """The options of `gan-train run` and `gan_train.train`. `read_request` has the defaults.

    Attributes:
        overrides: changes to the recipe, by key: {"batch_size": 128, "generator.optimizer.learning_rate": 1e-4}.
        steps: the step to train to; None is the recipe's.
        short: take the recipe's own overrides for a training of minutes.
        strategy: "auto", "default", "mirrored", "multiworker" or "tpu".
        logical_cpus: devices to split the CPU into, to try "mirrored" on it. The first call of a process that uses
            TensorFlow decides it.
        jit: whether XLA compiles the forward and backward passes: "on", "off", or "auto", which is on on GPUs only.
        on_divergence: what a number that is not finite leads to: "stop", "rollback" or "warn".
        on_failure: what a failure that lasts, such as mode collapse, leads to: "warn", "stop" or "rollback".
        max_rollbacks: largest number of rollbacks in the whole life of the run.
        keep: which checkpoints stay, such as "last=3,every=1000,best=d.loss:min".
        on_corrupt: what a damaged shard leads to: "fail" or "skip-shard".
        cluster_timeout: seconds to wait for the other workers of TF_CONFIG.
        track: "mlflow", "wandb" or "mlflow,wandb": they get the same numbers and pictures; or "none".
        evaluate_every: measure the FID at one of so many snapshots; 0 is never. It changes nothing that is trained.
    """

    overrides: Overrides
    steps: int | None
    short: bool
    strategy: str
    logical_cpus: int
    jit: str
    on_divergence: str
    on_failure: str
    max_rollbacks: int
    keep: str
    on_corrupt: str
    cluster_timeout: float
    track: str
    evaluate_every: int


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
        jit: whether XLA compiles the forward and backward passes.
    """

    recipe: Recipe
    data: str
    out: str
    operation: Operation
    strategy: str
    logical_cpus: int
    cluster_timeout: float
    jit: str = "auto"


def read_request(
    recipe: str,
    data: str,
    out: str,
    *,
    overrides: Overrides = (),
    steps: int | None = None,
    short: bool = False,
    strategy: str = "auto",
    logical_cpus: int = 1,
    jit: str = "auto",
    on_divergence: str = "stop",
    on_failure: str = "warn",
    max_rollbacks: int = 3,
    keep: str = "last=3",
    on_corrupt: str = "fail",
    cluster_timeout: float = 300.0,
    track: str = "none",
    evaluate_every: int = 1,
) -> Request:
    """A request, checked as far as that is possible without the data and the devices.

    Args:
        recipe: name of a recipe, or of a YAML file.
        data: dataset folder, a path or gs:// URI.
        out: run folder, a path or gs:// URI.
        overrides, steps, short, strategy, logical_cpus, on_divergence, on_failure, max_rollbacks, keep, on_corrupt,
            cluster_timeout, track, evaluate_every: see `TrainingOptions`.

    Raises:
        UsageError: the recipe or an option is wrong; the message names it.
    """
    check_least(1, steps=steps, logical_cpus=logical_cpus, max_rollbacks=max_rollbacks)
    if jit not in JIT:
        raise UsageError(f"--jit: choose one of: {', '.join(JIT)} (got {short_repr(jit)})")
    check_least(0, evaluate_every=evaluate_every)
    operation = read_operation(on_divergence, on_failure, max_rollbacks, keep, on_corrupt, track, evaluate_every)
    last = [f"steps={steps}"] if steps is not None else []
    chosen = load_recipe(recipe, [*_texts(overrides), *last], short)
    return Request(chosen, data, out, operation, strategy, logical_cpus, cluster_timeout, jit)


def _texts(overrides: Overrides) -> list[str]:
    """Overrides as the command line has them: key.path=value, the value in YAML, of which JSON is a part."""
    return [f"{key}={dumps(value)}" for key, value in overrides.items()] if isinstance(overrides, Mapping) else list(overrides)
