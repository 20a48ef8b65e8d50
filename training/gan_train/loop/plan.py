"""`gan-train run --dry-run`: what a training would do."""

import os
from typing import Any

from gan_core.storage import open_folder
from gan_train.distribution.cluster import find_cluster
from gan_train.distribution.strategy import make_strategy
from gan_train.distribution.worker import worker_operation
from gan_train.loop.first_weights import take_weights
from gan_train.loop.preparation import build, check_data, with_precision
from gan_train.loop.request import Request, begun_from
from gan_train.networks.layers import plain_copy
from gan_train.runs.layout import committed_steps
from gan_train.runs.origin import find_origin


def plan(request: Request) -> dict[str, Any]:
    """Check everything that `train` would check alone, and say what it would do. Waits for no worker, writes nothing.

    Raises:
        GanmillError: as `train` does.
    """
    run, cluster = open_folder(request.out), find_cluster(request.strategy, os.environ)
    operation = worker_operation(request.operation, cluster)
    recipe = with_precision(request.recipe, run)
    dataset, skipped = check_data(request, recipe, run)
    strategy = make_strategy("auto" if cluster else request.strategy, request.logical_cpus)
    system = build(recipe, dataset, strategy, operation, request.stop)
    networks = {name: player.network for name, player in system.players.items()}
    parent = None if committed_steps(run) else begun_from(request, run)
    first = take_weights(system, find_origin(parent), parent) if parent else None
    workers = [str(worker) for worker in cluster.workers] if cluster else []
    return {
        "recipe": recipe.name,
        "parameters": {name: plain_copy(network).count_params() for name, network in networks.items()},
        "phases": [phase.name for phase in system.phases],
        **system.summary,
        "warnings": list(recipe.warnings),
        "frozen": list(recipe.freeze),
        "first_weights": str(first) if first else "",
        "not_taken": list(first.left) if first else [],
        "dataset": f"{request.data} ({dataset.examples} examples of {dataset.manifest.name})",
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
        "run_folder": request.out,
    }
