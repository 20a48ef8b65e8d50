"""The Beam job: one ParDo over the shards to write. Each worker writes whole shards, so no image crosses a shuffle.

It runs in this process, in several, or on any other Beam runner. Its results are read from the folder, not from Beam.
"""

import logging
import os
import platform
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import apache_beam as beam
import psutil
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from gan_core.errors import DataError, GanmillError, UsageError, mark, unmark
from gan_core.storage import open_folder
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.preparing.claim import PLAN
from gan_pipeline.preparing.runners import (
    Execution,
    cores_for_each,
    make_runner,
    runner_failure,
    wait_until_finished,
    works_elsewhere,
)
from gan_pipeline.preparing.shard_progress import Heartbeat
from gan_pipeline.preparing.shard_writer import write_shard
from gan_pipeline.preparing.worker_sources import given, source_of
from gan_pipeline.sources.base import Source
from gan_pipeline.sources.image_reader import THREADS_VARIABLE
from gan_pipeline.sources.resolve import SourceSpec


@dataclass(frozen=True)
class Place:
    """Where a worker runs, if that is not in the process of the command.

    Attributes:
        threads: the number of threads that the work on one shard may use.
        owner: the id of the process that started the worker on this machine; None for a worker of a cluster.
    """

    threads: int
    owner: int | None = None


CLUSTER = Place(threads=1)
"""A cluster decides by its own settings how many shards a host works on at once, as a rule as many as it has cores."""


class WriteShard(beam.DoFn):
    """Writes the shard of each task that it gets. A process opens the source once for each job."""

    def __init__(
        self, source: SourceSpec, signature: str, out: str, max_failure_rate: float, place: "Place | None", job: str = ""
    ) -> None:
        self._spec, self._signature, self._out = source, signature, out
        self._max_failure_rate, self._place = max_failure_rate, place
        self._job = job or uuid.uuid4().hex

    def setup(self) -> None:
        if self._place is None:
            return
        # By default TensorFlow and the decoding of images use every core for every shard.
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(self._place.threads))
        os.environ.setdefault(THREADS_VARIABLE, str(self._place.threads))
        if self._place.owner is not None:
            # The owner tells every error in one line. On other hosts the log of a worker is all there is to look at.
            logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
            threading.Thread(target=_end_with, args=(self._place.owner,), daemon=True).start()

    def process(self, task: ShardTask) -> Iterator[str]:
        try:
            folder = open_folder(self._out)
            source = source_of(self._job, self._open_source)
            record = write_shard(folder, task, source, self._max_failure_rate, Heartbeat(folder, task))
            yield record.shard.file
        except GanmillError as error:
            raise RuntimeError(mark(error)) from None

    def _open_source(self) -> Source:
        self._check_folder()
        source = self._spec.open()
        if source.signature != self._signature:
            raise DataError(f"{self._spec.uri or self._spec.kind}: changed while it was read; start the command again")
        return source

    def _check_folder(self) -> None:
        """Raise UsageError where this worker sees another folder than the command does, before it works for nothing."""
        if not open_folder(self._out).exists(PLAN):
            raise UsageError(
                f"{self._out}: the worker on host {platform.node()} does not see this folder; "
                "give -o on gs://, or on a disk that all workers share"
            )


def _end_with(owner: int) -> None:
    """End this worker when the process that started it has ended, since an orphan would write beside the next run."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(owner).wait()
    os._exit(1)


def write_shards(
    tasks: list[ShardTask], spec: SourceSpec, source: Source, out: str, max_failure_rate: float, execution: Execution
) -> None:
    """Write the shards of all tasks into the folder `out`.

    Args:
        tasks: the shards to write.
        spec: the source by name, for workers elsewhere.
        source: the same source, open in this process.
        out: local folder or gs:// prefix.
        max_failure_rate: see `write_shard`.
        execution: how the work is run.

    Raises:
        UsageError: the runner refuses its options.
        InterruptedRunError: a worker process or the cluster was lost; finished shards are kept.
        GanmillError: the first error of a worker.
    """
    # Processes take many seconds to start, so a single shard is written faster in this process.
    in_processes, workers = execution.in_processes and len(tasks) > 1, min(execution.workers, len(tasks))
    arguments = list(execution.runner_options)
    partitioned = any(argument.startswith(("--dask_npartitions", "--dask_partition_size")) for argument in arguments)
    runner = _process_runner() if in_processes else make_runner(execution)
    place = CLUSTER if works_elsewhere(runner) else None
    if in_processes:
        place = Place(cores_for_each(workers), os.getpid())
    job = uuid.uuid4().hex
    write = WriteShard(spec, source.signature, out, max_failure_rate, place, job)
    if type(runner).__name__ == "DaskRunner" and not partitioned:
        arguments.append(f"--dask_npartitions={len(tasks)}")
    if in_processes:
        arguments.append(f"--direct_num_workers={workers}")
    try:
        with _quiet_beam(), given(job, source):
            pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(arguments))
            shards = pipeline | "Shards" >> beam.Create(tasks)
            _ = shards | "WriteShards" >> beam.ParDo(write)
            wait_until_finished(pipeline.run(), execution.runner)
    except Exception as error:
        # Runners wrap the exception of a worker in types of their own; its text is marked.
        if execution.runner:
            raise runner_failure(execution.runner, error) from error
        raise unmark(str(error)) or error from None


def _process_runner() -> FnApiRunner:
    """The local runner with processes of its own. Imported late: one process needs nothing of it."""
    from gan_pipeline.preparing.worker_processes import worker_processes

    return FnApiRunner(worker_processes())


_quiet_lock = threading.Lock()
_quiet_jobs: list[Callable[[threading.ExceptHookArgs], object]] = []
"""For each job that runs in this process the exception hook that was set when the first of them began."""


@contextmanager
def _quiet_beam() -> Iterator[None]:
    """Keep Beam from logging and printing each error of a worker that it raises as an exception as well.

    Jobs may overlap in several threads: the first one silences the process, the last one restores it.
    """
    logger = logging.getLogger("apache_beam")
    with _quiet_lock:
        _quiet_jobs.append(_quiet_jobs[0] if _quiet_jobs else threading.excepthook)
        threading.excepthook = lambda died: None
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        with _quiet_lock:
            hook = _quiet_jobs.pop()
            if not _quiet_jobs:
                threading.excepthook = hook
