"""`gan-train run` from end to end: check everything, then hand over to the trainer."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from gan_pipeline.errors import GanmillError
from gan_pipeline.storage import Folder
from gan_pipeline.verify import check_shard
from gan_train.checkpoint import committed_steps, newest_files
from gan_train.cluster import Cluster
from gan_train.input import Dataset, open_dataset
from gan_train.lockstep import in_lockstep
from gan_train.networks.layers import plain_copy
from gan_train.progress import NoProgress, Progress
from gan_train.recipe import Recipe, flatten
from gan_train.rendezvous import meet
from gan_train.run_folder import RECIPE, SAMPLES, check_claim, claim, locked, open_run, packages
from gan_train.signals import Interruption, interruption
from gan_train.strategy import check_replicas, find_cluster, make_strategy
from gan_train.systems.base import System
from gan_train.systems.catalogue import build_system
from gan_train.trainer import fit


def plan(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int) -> dict[str, Any]:
    """Everything `train` would check alone, and what it would do; waits for no worker, writes nothing.

    Raises:
        GanmillError: as `train` does.
    """
    run, dataset, cluster = open_run(out), _checked_dataset(data, recipe), find_cluster(strategy_name, os.environ)
    check_claim(run, recipe, data, dataset.manifest.digest)
    strategy = make_strategy("auto" if cluster else strategy_name, logical_cpus)
    system = _build(recipe, strategy)
    networks = {name: player.network for name, player in system.players.items()}
    workers = [str(worker) for worker in cluster.workers] if cluster else []
    return {
        "recipe": recipe.name,
        "parameters": {name: plain_copy(network).count_params() for name, network in networks.items()},
        "phases": [phase.name for phase in system.phases],
        "warnings": list(recipe.warnings),
        "dataset": f"{data} ({dataset.examples} examples of {dataset.manifest.name})",
        "dataset_digest": dataset.manifest.digest,
        "workers": workers,
        "devices": strategy.num_replicas_in_sync * max(len(workers), 1),
        "batch_size": recipe.batch_size,
        "from_step": max(committed_steps(run), default=0),
        "to_step": recipe.steps,
        "epochs_of_data": round(recipe.steps * system.reals_per_step / dataset.examples, 2),
        "sample_grids": recipe.steps // recipe.snapshot_every,
        "run_folder": out,
    }


def train(recipe: Recipe, data: str, out: str, strategy_name: str, logical_cpus: int, cluster_timeout: float) -> dict[str, Any]:
    """Train, or continue, or find the run finished; alone or together with the workers of a cluster.

    Raises:
        GanmillError: of the kind whose exit code the architecture documents.
    """
    cluster = find_cluster(strategy_name, os.environ)
    with interruption() as wish, _workplace(out, cluster) as run:
        dataset = _checked_dataset(data, recipe)
        check_claim(run, recipe, data, dataset.manifest.digest)
        if cluster:
            _agree(cluster, recipe, dataset, run, cluster_timeout, wish)
        before = max(committed_steps(run), default=0)
        if before >= recipe.steps:
            newest = max(run.names(f"{SAMPLES}/"), default="")
            return _answer(cluster, run, out, before, newest, already_done=True)
        strategy = make_strategy(strategy_name, logical_cpus, cluster)
        with in_lockstep(cluster, strategy, wish, run, cluster_timeout) as shared_wish:
            system = _build(recipe, strategy)
            if _reports(cluster):
                for warning in recipe.warnings:
                    print(f"warning: {warning}", file=sys.stderr)
            with locked(run):
                claim(run, recipe, data, dataset.manifest.digest)
                progress = Progress() if _reports(cluster) else NoProgress()
                ended = fit(recipe, dataset, run, strategy, system, progress, shared_wish)
        return _answer(cluster, run, out, ended.step, ended.samples, already_done=False)


@contextmanager
def _workplace(out: str, cluster: Cluster | None) -> Iterator[Folder]:
    """The run folder. Workers but the chief get one of their own, which is gone after the block: they train as the
    chief does and nobody keeps what they write."""
    if _reports(cluster):
        yield open_run(out)
        return
    with tempfile.TemporaryDirectory(prefix="gan-train-") as folder:
        try:
            yield open_run(folder)
        except GanmillError as error:
            raise type(error)(str(error).replace(folder, out)) from error


def _reports(cluster: Cluster | None) -> bool:
    """Whether this process writes the run folder and says how it goes."""
    return cluster is None or cluster.is_chief


def _agree(cluster: Cluster, recipe: Recipe, dataset: Dataset, run: Folder, timeout: float, wish: Interruption) -> None:
    """Wait for all workers, compare what decides the run, and bring every folder to the chief's newest checkpoint.

    Raises what `meet` raises.
    """
    if not cluster.is_chief:
        print(f"{cluster.own}: trains with {cluster.chief}, the chief, which writes and reports", file=sys.stderr)
    facts = flatten(
        {
            "cluster": [str(worker) for worker in cluster.workers],
            "recipe": recipe.model_dump(mode="json", exclude={"about"}),
            "dataset digest": dataset.manifest.digest,
            "packages": packages(),
        }
    )
    own = {RECIPE: run.read(RECIPE), **newest_files(run)} if run.exists(RECIPE) else {}
    theirs = meet(cluster, facts, own, timeout, wish)
    if not cluster.is_chief:
        for name, content in theirs.items():
            run.write(name, content)


def _answer(cluster: Cluster | None, run: Folder, out: str, step: int, samples: str, already_done: bool) -> dict[str, Any]:
    answer = {"run": out, "step": step, "already_done": already_done}
    if _reports(cluster):
        return answer | {"samples": run.locate(samples)}
    assert cluster is not None
    return answer | {"written_by": str(cluster.chief)}


def _build(recipe: Recipe, strategy: tf.distribute.Strategy) -> System:
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        system = build_system(recipe)
    check_replicas(strategy, system.reals_per_batch)
    return system


def _checked_dataset(data: str, recipe: Recipe) -> Dataset:
    """Open the dataset and compare every shard with the manifest before the first step is spent on it."""
    dataset = open_dataset(data, recipe)
    for shard in dataset.shards:
        check_shard(dataset.folder, shard)
    return dataset
