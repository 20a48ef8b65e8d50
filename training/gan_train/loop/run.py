"""`gan-train run` from end to end: check everything, then hand over to the trainer."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import tensorflow as tf

from gan_core.errors import (
    DivergenceError,
    FailedRunError,
    GanmillError,
    InterruptedRunError,
    StorageError,
    UsageError,
)
from gan_core.interruption import Interruption, interruption
from gan_core.storage import CloudFolder, LocalFolder, open_folder
from gan_train.data.dataset import Dataset, open_dataset
from gan_train.data.input import training_examples
from gan_train.distribution.cluster import Cluster
from gan_train.distribution.lockstep import in_lockstep
from gan_train.distribution.rendezvous import meet
from gan_train.distribution.strategy import check_replicas, find_cluster, make_strategy
from gan_train.logs.progress import NoProgress, Progress
from gan_train.loop.trainer import fit
from gan_train.networks.layers import plain_copy
from gan_train.numerics.precision import resolved
from gan_train.pages.report import reporting
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import flatten
from gan_train.runs.checkpoint import newest_files
from gan_train.runs.layout import RECIPE, ROLLBACKS, SAMPLES, SKIPPED, committed_steps
from gan_train.runs.operation import Operation
from gan_train.runs.run_folder import check_claim, claim, packages, read_record, workplace, write_status
from gan_train.runs.skipped import Skipped, corrupt_shards, read_skipped, warn_of, write_skipped
from gan_train.systems.base import System
from gan_train.systems.catalogue import build_system
from gan_train.systems.step import metric_names

RunFolder = LocalFolder | CloudFolder


def plan(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int, operation: Operation) -> dict[str, Any]:
    """Everything `train` would check alone, and what it would do; waits for no worker, writes nothing.

    Raises:
        GanmillError: as `train` does.
    """
    run, cluster = open_folder(out), find_cluster(strategy_name, os.environ)
    operation = _of_worker(operation, cluster)
    recipe = _with_precision(recipe, run)
    dataset, skipped = _checked_dataset(recipe, data, run, operation)
    check_claim(run, recipe, data, dataset.manifest.digest)
    strategy = make_strategy("auto" if cluster else strategy_name, logical_cpus)
    system = _build(recipe, dataset, strategy, operation)
    networks = {name: player.network for name, player in system.players.items()}
    workers = [str(worker) for worker in cluster.workers] if cluster else []
    return {
        "recipe": recipe.name,
        "parameters": {name: plain_copy(network).count_params() for name, network in networks.items()},
        "phases": [phase.name for phase in system.phases],
        **system.facts,
        "warnings": list(recipe.warnings),
        "dataset": f"{data} ({dataset.examples} examples of {dataset.manifest.name})",
        "dataset_digest": dataset.manifest.digest,
        "skipped_shards": [one.file for one in skipped],
        "precision": recipe.precision,
        "workers": workers,
        "devices": strategy.num_replicas_in_sync * max(len(workers), 1),
        "batch_size": recipe.batch_size,
        "from_step": max(committed_steps(run), default=0),
        "to_step": recipe.steps,
        "epochs_of_data": round(recipe.steps * system.reals_per_step / dataset.examples, 2),
        "sample_grids": recipe.steps // recipe.snapshot_every,
        "run_folder": out,
    }


def train(
    recipe: Recipe,
    data: str,
    out: str,
    strategy_name: str,
    logical_cpus: int,
    cluster_timeout: float,
    operation: Operation,
) -> dict[str, Any]:
    """Train, or continue, or find the run finished; alone or together with the workers of a cluster.

    Raises:
        GanmillError: of the kind whose exit code the architecture documents.
    """
    cluster = find_cluster(strategy_name, os.environ)
    operation = _of_worker(operation, cluster)
    with interruption() as wish, _own_folder(out, cluster) as run:
        recipe = _with_precision(recipe, run)
        dataset, skipped = _checked_dataset(recipe, data, run, operation)
        check_claim(run, recipe, data, dataset.manifest.digest)
        if cluster:
            _agree(cluster, recipe, dataset, run, cluster_timeout, wish)
        start = max(committed_steps(run), default=0)
        if start >= recipe.steps:
            newest = SAMPLES.newest(run) or ""
            return _answer(cluster, run, out, start, newest, already_done=True)
        strategy = make_strategy(strategy_name, logical_cpus, cluster)
        with in_lockstep(cluster, strategy, wish, run, cluster_timeout) as shared_wish:
            system = _build(recipe, dataset, strategy, operation)
            if _reports(cluster):
                for warning in recipe.warnings:
                    print(f"warning: {warning}", file=sys.stderr)
                warn_of(skipped, dataset)
            with workplace(run, wish) as place:
                if cluster and max(committed_steps(place), default=0) != start:
                    raise UsageError(f"{out}: another process trained this run since the workers met; start all of them again")
                claim(place, recipe, data, dataset.manifest.digest, dataset.class_names)
                if skipped:
                    write_skipped(place, skipped)
                progress = Progress() if _reports(cluster) else NoProgress()
                told = reporting(place) if _reports(cluster) else nullcontext()
                with told, _errors_in_status(place, recipe.steps):
                    ended = fit(recipe, dataset, place, strategy, system, progress, shared_wish, operation)
    return _answer(cluster, run, out, ended.step, ended.samples, already_done=False)


@contextmanager
def _errors_in_status(run: RunFolder, steps: int) -> Iterator[None]:
    """Say in the status which error ended the training in this block, for who sees the run folder but not the terminal."""
    try:
        yield
    except (InterruptedRunError, DivergenceError, FailedRunError):
        # They have states of their own, written where they arise.
        raise
    except GanmillError as error:
        # A storage that is full or gone takes no status either.
        with suppress(StorageError):
            write_status(run, "error", max(committed_steps(run), default=0), steps, error)
        raise


@contextmanager
def _own_folder(out: str, cluster: Cluster | None) -> Iterator[RunFolder]:
    """The run folder. Workers but the chief get one of their own, which is gone after the block: they train as the
    chief does and nobody keeps what they write."""
    if _reports(cluster):
        yield open_folder(out)
        return
    with tempfile.TemporaryDirectory(prefix="gan-train-") as folder:
        try:
            yield open_folder(folder)
        except GanmillError as error:
            raise type(error)(str(error).replace(folder, out)) from error


def _reports(cluster: Cluster | None) -> bool:
    """Whether this process writes the run folder and says how it goes."""
    return cluster is None or cluster.is_chief


def _of_worker(operation: Operation, cluster: Cluster | None) -> Operation:
    """What this process answers failures with. The chief alone has the history of a run, and when it stops all do."""
    if cluster and operation.on_failure == "rollback":
        raise UsageError(
            "--on-failure rollback: workers that train together cannot return to before a failure; use stop or warn"
        )
    return operation if _reports(cluster) else replace(operation, on_failure="warn")


def _with_precision(recipe: Recipe, run: RunFolder) -> Recipe:
    """The recipe with "auto" made what the run was begun in, or this machine's best for a new run."""
    recorded = read_record(run).recipe.precision if recipe.precision == "auto" and run.exists(RECIPE) else recipe.precision
    return recipe.model_copy(update={"precision": resolved(recorded)})


def _checked_dataset(recipe: Recipe, data: str, run: RunFolder, operation: Operation) -> tuple[Dataset, tuple[Skipped, ...]]:
    """Compare every shard with the manifest before the first step is spent on it; also which shards are left out."""
    dataset, skipped = open_dataset(data, recipe), read_skipped(run)
    dataset = dataset.without(one.file for one in skipped)
    found = corrupt_shards(dataset, max(committed_steps(run), default=0), operation.on_corrupt == "skip-shard")
    return dataset.without(one.file for one in found), skipped + found


def _agree(cluster: Cluster, recipe: Recipe, dataset: Dataset, run: RunFolder, timeout: float, wish: Interruption) -> None:
    """Wait for all workers, compare what decides the run, and bring every folder to where the chief's stands.

    Raises what `meet` raises.
    """
    if not cluster.is_chief:
        print(f"{cluster.own}: trains with {cluster.chief}, the chief, which writes and reports", file=sys.stderr)
    facts = flatten(
        {
            "cluster": [str(worker) for worker in cluster.workers],
            "recipe": recipe.model_dump(mode="json", exclude={"about"}),
            "dataset digest": dataset.manifest.digest,
            "shards left out": sorted(dataset.skipped),
            "packages": packages(),
        }
    )
    own = {name: run.read(name) for name in (RECIPE, ROLLBACKS, SKIPPED) if run.exists(name)} | newest_files(run)
    theirs = meet(cluster, facts, own, timeout, wish)
    if not cluster.is_chief:
        for name, content in theirs.items():
            run.write(name, content)


def _build(recipe: Recipe, dataset: Dataset, strategy: tf.distribute.Strategy, operation: Operation) -> System:
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        system = build_system(recipe)
    system.keep(training_examples(dataset, recipe.seed))
    check_replicas(strategy, system.reals_per_batch)
    best, known = operation.keep.best, metric_names(system)
    if best and best.metric not in known and not best.metric.startswith("snapshot."):
        raise UsageError(f"--keep best={best.metric}: no such metric; choose one of: {', '.join(known)}, or a snapshot's")
    return system


def _answer(cluster: Cluster | None, run: RunFolder, out: str, step: int, samples: str, already_done: bool) -> dict[str, Any]:
    answer = {"run": out, "step": step, "already_done": already_done}
    if _reports(cluster):
        return answer | {"samples": run.locate(samples)}
    assert cluster is not None
    return answer | {"written_by": str(cluster.chief)}
