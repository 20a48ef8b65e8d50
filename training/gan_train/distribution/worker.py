"""The part of this process as one of several workers: the folder it writes to, and the facts it agrees on with the others."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

from gan_core.errors import GanmillError, UsageError
from gan_core.interruption import Interruption
from gan_core.notices import say
from gan_core.storage import CloudFolder, LocalFolder, open_folder
from gan_train.data.dataset import Dataset
from gan_train.distribution.cluster import Cluster
from gan_train.distribution.company import Company, company
from gan_train.distribution.messages import is_shared
from gan_train.distribution.secret import read_secret
from gan_train.distribution.strategy import abort_collectives
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import flatten
from gan_train.runs.checkpoint import newest_files
from gan_train.runs.layout import RECIPE, RECORD, ROLLBACKS, SKIPPED
from gan_train.runs.operation import Operation
from gan_train.runs.origin import Parent
from gan_train.runs.run_folder import packages

RunFolder = LocalFolder | CloudFolder


def is_reporter(cluster: Cluster | None) -> bool:
    """Whether this process writes the run folder that was asked for, and shows progress and warnings."""
    return cluster is None or cluster.is_chief


@contextmanager
def worker_folder(out: str, cluster: Cluster | None) -> Iterator[RunFolder]:
    """The folder that this process trains in.

    Workers other than the chief get a temporary one, which is removed after the block: they train as the chief does, and what
    they write is of no use.

    Args:
        out: the run folder that was asked for. Messages name it, whichever folder it is.
        cluster: the workers, or None.
    """
    if is_reporter(cluster):
        yield open_folder(out)
        return
    with tempfile.TemporaryDirectory(prefix="gan-train-") as folder:
        try:
            yield open_folder(folder)
        except GanmillError as error:
            raise type(error)(str(error).replace(folder, out)) from error


def worker_operation(operation: Operation, cluster: Cluster | None) -> Operation:
    """The operation of this process. Only the chief has the history of a run to judge; when it stops, all workers do.

    Raises:
        UsageError: workers that train together cannot return to before a failure.
    """
    if cluster and operation.on_failure == "rollback":
        raise UsageError(
            "--on-failure rollback: workers that train together cannot return to before a failure; use stop or warn"
        )
    return operation if is_reporter(cluster) else replace(operation, on_failure="warn")


@contextmanager
def agreed(
    cluster: Cluster | None,
    recipe: Recipe,
    dataset: Dataset,
    run: RunFolder,
    parent: Parent | None,
    timeout: float,
    interruption: Interruption,
) -> Iterator[Company | None]:
    """Wait for all workers, compare what decides the run, and bring the folder of each to where the chief's stands.

    Yields:
        The connections with the others, which stay open in this block; None without a cluster.

    Raises:
        UsageError, InterruptedRunError: as `company` and `read_secret` say.
    """
    if cluster is None:
        yield None
        return
    secret = read_secret(cluster, os.environ)
    if not cluster.is_chief:
        say(f"{cluster.own}: trains with {cluster.chief}, the chief, which writes and reports")
    facts = flatten(
        {
            "cluster": [str(worker) for worker in cluster.workers],
            "recipe": recipe.model_dump(mode="json", exclude={"about", "known_score"}),
            "dataset digest": dataset.manifest.digest,
            "shards left out": sorted(dataset.skipped),
            "packages": packages(recipe),
            "first weights": asdict(parent) | {"players": list(parent.players)} if parent else {},
        }
    )
    texts = {name: json.dumps(value, sort_keys=True) for name, value in facts.items()}
    records = {name: run.read(name) for name in (RECORD, RECIPE, ROLLBACKS, SKIPPED) if run.exists(name)}
    files = {name: content for name, content in (records | newest_files(run)).items() if is_shared(name)}
    with company(cluster, texts, files, timeout, secret, interruption, abort_collectives) as together:
        if not cluster.is_chief:
            for name, content in together.files.items():
                run.write(name, content)
        yield together
