"""The check of a recipe on this machine: its networks are built, and a step of it is trained with the dataset."""

import time
from collections.abc import Callable

from gan_core.doctor.check import Result
from gan_train.recipe.base import Recipe


def check_recipe(load: Callable[[], Recipe]) -> Result:
    """Load the recipe, and tell what it is. Raises UsageError or DataError if it is wrong."""
    recipe = load()
    warnings = recipe.warnings
    found = f"{recipe.name}: {recipe.steps:,} steps with batches of {recipe.batch_size}, precision {recipe.precision}"
    return Result("warning" if warnings else "ok", found, " ".join(warnings))


def check_step(load: Callable[[], Recipe], data: str, strategy: str) -> Result:
    """Build the networks of the recipe and train a step, which has the time of tracing in it.

    Raises:
        UsageError: the recipe does not fit the dataset, the devices or the memory.
        GanmillError: as the input says.
    """
    import psutil

    from gan_train.data.dataset import open_dataset
    from gan_train.distribution.strategy import make_strategy
    from gan_train.loop.preparation import build
    from gan_train.loop.trial import try_steps
    from gan_train.numerics.precision import resolved
    from gan_train.runs.operation import Operation

    chosen = load()
    recipe = chosen.model_copy(update={"precision": resolved(chosen.precision)})
    dataset = open_dataset(data, recipe)
    devices = make_strategy(strategy)
    began = time.monotonic()
    system = build(recipe, dataset, devices, Operation())
    built = time.monotonic() - began
    (step,) = try_steps(system, recipe, dataset, devices, "auto", (1,))
    memory = psutil.Process().memory_info().rss / 2**20
    return Result(
        "ok",
        f"networks built in {built:.1f} seconds, the first step traced and trained in {step.seconds:.1f} seconds; devices: "
        f"{devices.num_replicas_in_sync}, {recipe.precision}, {memory:,.0f} MB",
    )
