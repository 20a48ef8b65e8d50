"""A training from end to end: check everything, build, hold the run folder, and hand over to the loop."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace

from gan_core.errors import DivergenceError, FailedRunError, GanmillError, InterruptedRunError, StorageError, UsageError
from gan_core.interruption import interruption
from gan_core.notices import warn
from gan_train.distribution.cluster import Cluster, find_cluster
from gan_train.distribution.lockstep import in_lockstep
from gan_train.distribution.strategy import compiles, make_strategy
from gan_train.distribution.worker import RunFolder, agreed, is_reporter, worker_folder, worker_operation
from gan_train.logs.oversight import Oversight, followers
from gan_train.logs.prometheus import prometheus
from gan_train.logs.writer import Writer
from gan_train.loop.continuation import begin_session, first_weights
from gan_train.loop.job import Job
from gan_train.loop.preparation import build, check_data, with_precision
from gan_train.loop.request import Request
from gan_train.loop.session import Reached
from gan_train.loop.stopping import reason_at
from gan_train.loop.trainer import fit
from gan_train.pages.report import reporting
from gan_train.runs.checkpoint import save_checkpoint
from gan_train.runs.holding import hold_run
from gan_train.runs.layout import SAMPLES, committed_steps
from gan_train.runs.run_folder import write_record, write_status
from gan_train.runs.skipped import warn_of, write_skipped
from gan_train.systems.memory import out_of_memory_in_words


@dataclass(frozen=True)
class Trained:
    """The result of a training that was not interrupted.

    Attributes:
        run: the run folder that was asked for.
        step: the step it is at.
        already_done: whether it was there before, so that nothing was trained.
        reason: why it ended before its last step, by --stop-when; None if it did not.
        samples: path or URI of the newest sample grid; None of a worker that is not the chief.
        written_by: of a worker that is not the chief, the chief, which alone writes the run folder; else None.
    """

    run: str
    step: int
    already_done: bool
    reason: str | None = None
    samples: str | None = None
    written_by: str | None = None


def train(request: Request, listeners: Sequence[Writer] = ()) -> Trained:
    """Train, or continue, or find the run finished; alone or together with the workers of a cluster.

    Args:
        request: what to train.
        listeners: further writers, which follow every step and are not closed.

    Raises:
        UsageError, DataError, StorageError: the request, the data or a folder is not as it should be.
        DivergenceError, FailedRunError: the training ended by a fault, as its operation says.
        InterruptedRunError: it was asked to stop, or a worker was lost; the same call continues.
    """
    cluster = find_cluster(request.strategy, os.environ)
    request = replace(request, operation=worker_operation(request.operation, cluster))
    with interruption() as own, worker_folder(request.out, cluster) as folder:
        recipe = with_precision(request.recipe, folder)
        dataset, skipped = check_data(request, recipe, folder)
        with agreed(cluster, recipe, dataset, folder, request.parent, request.cluster_timeout, own) as together:
            start = max(committed_steps(folder), default=0)
            if start >= recipe.steps:
                return _trained(request, cluster, folder, Reached(start, SAMPLES.newest(folder) or ""), already_done=True)
            # The files that decide it are the chief's alone.
            reason = "" if cluster else reason_at(folder, request.stop, start, recipe.snapshot_every)
            if reason:
                reached = Reached(start, SAMPLES.newest(folder) or "", reason)
                return _trained(request, cluster, folder, reached, already_done=True)
            strategy = make_strategy(request.strategy, request.logical_cpus, cluster)
            told = request.oversight if is_reporter(cluster) else Oversight()
            with (
                prometheus(told, recipe, dataset) as metrics,
                in_lockstep(cluster, together, strategy, own, folder, request.cluster_timeout) as shared,
            ):
                with out_of_memory_in_words(recipe.batch_size), own.at_once():
                    system = build(recipe, dataset, strategy, request.operation, request.stop)
                if is_reporter(cluster):
                    for warning in recipe.warnings:
                        warn(warning)
                    warn_of(skipped, dataset)
                others = [*([metrics] if metrics else []), *listeners]
                with hold_run(folder, own) as run, followers(request.oversight, run, start, others) as following:
                    if cluster and max(committed_steps(run), default=0) != start:
                        raise UsageError(
                            f"{request.out}: another process trained this run since the workers met; start all of them again"
                        )
                    fresh, digest = not committed_steps(run), dataset.manifest.digest
                    ancestry = first_weights(run, request, system, is_reporter(cluster)) if fresh else ()
                    write_record(run, recipe, request.data, digest, dataset.class_names, ancestry)
                    if ancestry:
                        save_checkpoint(run, system, 0, digest)
                    begin_session(run, request, recipe, start, is_reporter(cluster))
                    if skipped:
                        write_skipped(run, skipped)
                    job = Job(
                        recipe,
                        dataset,
                        run,
                        strategy,
                        system,
                        request.operation,
                        compiles(request.jit, strategy),
                        request.stop,
                        following,
                        is_reporter(cluster),
                    )
                    with (
                        reporting(run) if job.reports else nullcontext(),
                        _errors_in_status(run, recipe.steps),
                        out_of_memory_in_words(recipe.batch_size),
                    ):
                        reached = fit(job, shared)
    return _trained(request, cluster, folder, reached, already_done=False)


def _trained(request: Request, cluster: Cluster | None, folder: RunFolder, reached: Reached, already_done: bool) -> Trained:
    trained = Trained(request.out, reached.step, already_done, reached.reason or None)
    if cluster and not cluster.is_chief:
        return replace(trained, written_by=str(cluster.chief))
    return replace(trained, samples=folder.locate(reached.samples))


@contextmanager
def _errors_in_status(run: RunFolder, steps: int) -> Iterator[None]:
    """Write to status.json which error ended the training in this block, for readers who see the folder but not the
    terminal."""
    try:
        yield
    except (InterruptedRunError, DivergenceError, FailedRunError):
        # They have states of their own, written where they arise.
        raise
    except GanmillError as error:
        # A storage that is full or unreachable accepts no status either.
        with suppress(StorageError):
            write_status(run, "error", max(committed_steps(run), default=0), steps, error)
        raise
