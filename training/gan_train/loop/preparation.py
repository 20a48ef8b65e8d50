"""The checks and choices before the first step: precision, shards, networks."""

import tensorflow as tf

from gan_core.errors import UsageError
from gan_core.storage import Folder
from gan_pipeline.dataset.features import example_bytes
from gan_train.data.dataset import Dataset, open_dataset
from gan_train.data.reader import training_examples
from gan_train.distribution.strategy import check_replicas
from gan_train.loop.request import Request
from gan_train.loop.stopping import StopWhen
from gan_train.numerics.precision import resolved
from gan_train.recipe.base import Recipe
from gan_train.runs.layout import committed_steps
from gan_train.runs.operation import Operation
from gan_train.runs.run_folder import as_recorded, check_record
from gan_train.runs.skipped import Skipped, corrupt_shards, read_skipped
from gan_train.systems.base import System
from gan_train.systems.build import build_system
from gan_train.systems.memory import check_fits, largest_output, weights_that_fit
from gan_train.systems.step import metric_names


def with_precision(recipe: Recipe, run: Folder) -> Recipe:
    """The recipe with precision "auto" replaced by that of the run so far; of a new run by the best of this machine."""
    recorded = as_recorded(recipe, run)
    return recorded.model_copy(update={"precision": resolved(recorded.precision)})


def check_data(request: Request, recipe: Recipe, run: Folder) -> tuple[Dataset, tuple[Skipped, ...]]:
    """Compare every shard with the manifest before the first step is spent on it, and the run folder with the dataset.

    Args:
        request: names the dataset, and says what a damaged shard leads to.
        recipe: with its precision settled.
        run: the run folder.

    Returns:
        The dataset without the shards that are left out, and those shards.

    Raises:
        DataError: a shard is not what the manifest says, and is not to be left out; or the dataset or run is damaged.
        UsageError: the recipe does not fit the dataset, or the folder holds something else than this run.
        StorageError: a folder cannot be read.
    """
    dataset, skipped = open_dataset(request.data, recipe), read_skipped(run)
    dataset = dataset.without(one.file for one in skipped)
    found = corrupt_shards(dataset, max(committed_steps(run), default=0), request.operation.on_corrupt == "skip-shard")
    dataset = dataset.without(one.file for one in found)
    check_record(run, recipe, request.data, dataset.manifest.digest)
    return dataset, skipped + found


def build(
    recipe: Recipe, dataset: Dataset, strategy: tf.distribute.Strategy, operation: Operation, stop: StopWhen | None = None
) -> System:
    """The networks and optimizers, and the system's state from the dataset.

    Raises:
        UsageError: networks or batches are larger than the memory, the devices cannot share a batch evenly, or --keep or
            --stop-when names a metric that the system does not have.
        DataError: the dataset has too little for the system.
    """
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope(), weights_that_fit():
        system = build_system(recipe)
    _check_batches(system, recipe, dataset)
    system.prepare_state(training_examples(dataset, recipe.seed))
    check_replicas(strategy, recipe.batch_size, system.reals_per_batch, recipe.accumulate)
    best = operation.keep.best
    if best:
        _check_metric(f"--keep best={best.metric}", best.metric, system)
    if stop and not stop.is_score:
        _check_metric(f"--stop-when {stop.name}", stop.name, system)
    return system


def _check_metric(option: str, metric: str, system: System) -> None:
    known = metric_names(system)
    if metric not in known and not metric.startswith("snapshot."):
        raise UsageError(f"{option}: no such metric; choose one of: {', '.join(known)}, or a snapshot's")


def _check_batches(system: System, recipe: Recipe, dataset: Dataset) -> None:
    """Raise UsageError if the examples of a call of the device, or the largest output of a layer, are larger than memory."""
    steps = min(recipe.steps_per_call, recipe.snapshot_every, recipe.checkpoint_every, recipe.steps)
    pixels = sum(example_bytes(dataset.features_of(stream)) for stream in dataset.streams)
    # Bytes: the examples of all steps as they are stored, and one half of them or more in one layer as float32.
    stored = system.reals_per_step * pixels * steps
    part = recipe.batch_size // recipe.accumulate
    outputs = max(largest_output(player.network) for player in system.players.values()) * part // 2 * 4
    remedy = "take a smaller batch_size, fewer steps_per_call, or a larger accumulate"
    check_fits(max(stored, outputs), f"batches of {recipe.batch_size:,} examples", remedy)
