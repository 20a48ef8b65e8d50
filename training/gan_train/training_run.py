"""`gan-train run` from end to end: check everything, then hand over to the trainer."""

import sys
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from gan_pipeline.errors import UsageError
from gan_pipeline.storage import CloudFolder, LocalFolder, open_folder
from gan_train.checkpoint import committed_steps
from gan_train.input import Dataset, open_dataset
from gan_train.networks.layers import plain_copy
from gan_train.operation import Operation
from gan_train.precision import resolved
from gan_train.progress import Progress
from gan_train.recipe import Recipe
from gan_train.run_folder import RECIPE, SAMPLES, check_claim, claim, read_record, workplace
from gan_train.signals import interruption
from gan_train.skipped import Skipped, corrupt_shards, read_skipped, warn_of, write_skipped
from gan_train.step import metric_names
from gan_train.strategy import check_replicas, make_strategy
from gan_train.systems.base import System
from gan_train.systems.catalogue import build_system
from gan_train.trainer import fit


@dataclass(frozen=True)
class _Prepared:
    """A run that passed every check but that of its folder's owner.

    Attributes:
        recipe: with all choices made.
        skipped: the shards that `dataset` is without.
    """

    recipe: Recipe
    run: LocalFolder | CloudFolder
    dataset: Dataset
    skipped: tuple[Skipped, ...]
    strategy: tf.distribute.Strategy
    system: System


def plan(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int, operation: Operation) -> dict[str, Any]:
    """Everything `train` would check, and what it would do; writes nothing. Raises what `train` raises."""
    prepared = _prepare(recipe, data, out, strategy_name, logical_cpus, operation)
    recipe, run, dataset, system = prepared.recipe, prepared.run, prepared.dataset, prepared.system
    check_claim(run, recipe, data, dataset.manifest.digest)
    networks = {name: player.network for name, player in system.players.items()}
    return {
        "recipe": recipe.name,
        "parameters": {name: plain_copy(network).count_params() for name, network in networks.items()},
        "phases": [phase.name for phase in system.phases],
        "warnings": list(recipe.warnings),
        "dataset": f"{data} ({dataset.examples} examples of {dataset.manifest.name})",
        "dataset_digest": dataset.manifest.digest,
        "skipped_shards": [one.file for one in prepared.skipped],
        "precision": recipe.precision,
        "devices": prepared.strategy.num_replicas_in_sync,
        "batch_size": recipe.batch_size,
        "from_step": max(committed_steps(run), default=0),
        "to_step": recipe.steps,
        "epochs_of_data": round(recipe.steps * system.reals_per_step / dataset.examples, 2),
        "sample_grids": recipe.steps // recipe.snapshot_every,
        "run_folder": out,
    }


def train(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int, operation: Operation) -> dict[str, Any]:
    """Train, or continue, or find the run finished.

    Raises:
        GanmillError: of the kind whose exit code the architecture documents.
    """
    with interruption() as wish:
        prepared = _prepare(recipe, data, out, strategy_name, logical_cpus, operation)
        recipe, run, dataset = prepared.recipe, prepared.run, prepared.dataset
        check_claim(run, recipe, data, dataset.manifest.digest)
        before = max(committed_steps(run), default=0)
        if before >= recipe.steps:
            newest = max(run.names(f"{SAMPLES}/"), default="")
            return {"run": out, "step": before, "already_done": True, "samples": run.locate(newest)}
        for warning in recipe.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        with workplace(run, wish) as place:
            claim(place, recipe, data, dataset.manifest.digest)
            if prepared.skipped:
                write_skipped(place, prepared.skipped)
                warn_of(prepared.skipped, dataset)
            ended = fit(recipe, dataset, place, prepared.strategy, prepared.system, Progress(), wish, operation)
    return {"run": out, "step": ended.step, "already_done": False, "samples": run.locate(ended.samples)}


def _prepare(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int, operation: Operation) -> _Prepared:
    run, dataset = open_folder(out), open_dataset(data, recipe)
    # Before the first step is spent on it.
    skipped = read_skipped(run)
    dataset = dataset.without(one.file for one in skipped)
    found = corrupt_shards(dataset, max(committed_steps(run), default=0), operation.on_corrupt)
    dataset = dataset.without(one.file for one in found)
    recipe = _with_precision(recipe, run)
    strategy = make_strategy(strategy_name, logical_cpus)
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        system = build_system(recipe)
    check_replicas(strategy, system.reals_per_batch)
    _check_score(operation, system)
    return _Prepared(recipe, run, dataset, skipped + found, strategy, system)


def _with_precision(recipe: Recipe, run: LocalFolder | CloudFolder) -> Recipe:
    """The recipe with "auto" made what the run was begun in, or this machine's best for a new run."""
    recorded = read_record(run).recipe.precision if recipe.precision == "auto" and run.exists(RECIPE) else recipe.precision
    return recipe.model_copy(update={"precision": resolved(recorded)})


def _check_score(operation: Operation, system: System) -> None:
    """Raise UsageError unless the log will have what the best checkpoint is chosen by."""
    best, known = operation.keep.best, metric_names(system)
    if best and best.metric not in known and not best.metric.startswith("snapshot."):
        raise UsageError(f"--keep best={best.metric}: no such metric; choose one of: {', '.join(known)}, or a snapshot's")
