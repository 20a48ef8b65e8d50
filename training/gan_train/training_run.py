"""`gan-train run` from end to end: check everything, then hand over to the trainer."""

import sys
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from gan_pipeline.storage import Folder
from gan_pipeline.verify import check_shard
from gan_train.checkpoint import committed_steps
from gan_train.input import Dataset, open_dataset
from gan_train.networks.layers import plain_copy
from gan_train.precision import resolved
from gan_train.progress import Progress
from gan_train.recipe import Recipe
from gan_train.run_folder import RECIPE, SAMPLES, check_claim, claim, locked, open_run, read_record
from gan_train.signals import interruption
from gan_train.strategy import check_replicas, make_strategy
from gan_train.systems.base import System
from gan_train.systems.catalogue import build_system
from gan_train.trainer import fit


@dataclass(frozen=True)
class _Prepared:
    """A run that passed every check which needs no look at its folder, and its recipe with all choices made."""

    recipe: Recipe
    run: Folder
    dataset: Dataset
    strategy: tf.distribute.Strategy
    system: System


def plan(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int) -> dict[str, Any]:
    """Everything `train` would check, and what it would do; writes nothing. Raises what `train` raises."""
    prepared = _prepare(recipe, data, out, strategy_name, logical_cpus)
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
        "precision": recipe.precision,
        "devices": prepared.strategy.num_replicas_in_sync,
        "batch_size": recipe.batch_size,
        "from_step": max(committed_steps(run), default=0),
        "to_step": recipe.steps,
        "epochs_of_data": round(recipe.steps * system.reals_per_step / dataset.examples, 2),
        "sample_grids": recipe.steps // recipe.snapshot_every,
        "run_folder": out,
    }


def train(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int) -> dict[str, Any]:
    """Train, or continue, or find the run finished.

    Raises:
        GanmillError: of the kind whose exit code the architecture documents.
    """
    with interruption() as wish:
        prepared = _prepare(recipe, data, out, strategy_name, logical_cpus)
        recipe, run, dataset = prepared.recipe, prepared.run, prepared.dataset
        check_claim(run, recipe, data, dataset.manifest.digest)
        before = max(committed_steps(run), default=0)
        if before >= recipe.steps:
            newest = max(run.names(f"{SAMPLES}/"), default="")
            return {"run": out, "step": before, "already_done": True, "samples": run.locate(newest)}
        for warning in recipe.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        with locked(run):
            claim(run, recipe, data, dataset.manifest.digest)
            ended = fit(recipe, dataset, run, prepared.strategy, prepared.system, Progress(), wish)
    return {"run": out, "step": ended.step, "already_done": False, "samples": run.locate(ended.samples)}


def _prepare(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int) -> _Prepared:
    run, dataset = open_run(out), _checked_dataset(data, recipe)
    recipe = _with_precision(recipe, run)
    strategy = make_strategy(strategy_name, logical_cpus)
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        system = build_system(recipe)
    check_replicas(strategy, system.reals_per_batch)
    return _Prepared(recipe, run, dataset, strategy, system)


def _with_precision(recipe: Recipe, run: Folder) -> Recipe:
    """The recipe with "auto" made what the run was begun in, or this machine's best for a new run."""
    recorded = read_record(run).recipe.precision if recipe.precision == "auto" and run.exists(RECIPE) else recipe.precision
    return recipe.model_copy(update={"precision": resolved(recorded)})


def _checked_dataset(data: str, recipe: Recipe) -> Dataset:
    """Open the dataset and compare every shard with the manifest before the first step is spent on it."""
    dataset = open_dataset(data, recipe)
    for shard in dataset.shards:
        check_shard(dataset.folder, shard)
    return dataset
