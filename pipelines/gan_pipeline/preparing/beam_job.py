"""The Beam job: one ParDo over the shards to write. Each worker writes whole shards, so no image crosses a shuffle.

It runs in this process, in several, or on any other Beam runner. Its results are read from the folder, not from Beam.
"""

import logging
import os
import platform
import threading
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
from gan_pipeline.preparing.runners import Execution, cores_for_each, make_runner, runner_failure, wait_until_finished
from gan_pipeline.preparing.shard_progress import Heartbeat
from gan_pipeline.preparing.shard_writer import write_shard
from gan_pipeline.sources.base import Source
from gan_pipeline.sources.image_reader import THREADS_VARIABLE
from gan_pipeline.sources.resolve import SourceSpec


@dataclass(frozen=True)
class Owner:
    """The process that started a worker on this machine: its process id, and the threads that each worker may use."""

    process: int
    threads: int


class WriteShard(beam.DoFn):
    """Writes the shard of each task that it gets. A worker opens the source once."""

    def __init__(self, source: SourceSpec, signature: str, out: str, max_failure_rate: float, owner: "Owner | None") -> None:
        self._spec, self._signature, self._out = source, signature, out
        self._max_failure_rate, self._owner = max_failure_rate, owner
        self._source: Source | None = None

    def setup(self) -> None:
        if self._owner is not None:
            # The owner tells every error in one line. On other hosts the log of a worker is all there is to look at.
            logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
            threading.Thread(target=_end_with, args=(self._owner.process,), daemon=True).start()
            # By default TensorFlow uses every core in every worker.
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(self._owner.threads))
            os.environ.setdefault(THREADS_VARIABLE, str(self._owner.threads))

    def process(self, task: ShardTask) -> Iterator[str]:
        try:
            folder = open_folder(self._out)
            record = write_shard(folder, task, self._open_source(), self._max_failure_rate, Heartbeat(folder, task))
            yield record.shard.file
        except GanmillError as error:
            raise RuntimeError(mark(error)) from None

    def _open_source(self) -> Source:
        if self._source is None:
            self._check_folder()
            self._source = _open_here.get(self._spec) or self._spec.open()
            if self._source.signature != self._signature:
                raise DataError(f"{self._spec.uri or self._spec.kind}: changed while it was read; start the command again")
        return self._source

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


_open_here: dict[SourceSpec, Source] = {}
"""Sources that planning opened in this process, for workers inside it: a source that is opened twice takes twice the memory."""


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
    owner = Owner(os.getpid(), cores_for_each(workers)) if in_processes else None
    write = WriteShard(spec, source.signature, out, max_failure_rate, owner)
    arguments = list(execution.runner_options)
    partitioned = any(argument.startswith(("--dask_npartitions", "--dask_partition_size")) for argument in arguments)
    runner = _process_runner() if in_processes else make_runner(execution)
    if type(runner).__name__ == "DaskRunner" and not partitioned:
        arguments.append(f"--dask_npartitions={len(tasks)}")
    if in_processes:
        arguments.append(f"--direct_num_workers={workers}")
    if owner is None and execution.runner is None:
        _open_here[spec] = source
    try:
        with _quiet_beam():
            pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(arguments))
            shards = pipeline | "Shards" >> beam.Create(tasks)
            _ = shards | "WriteShards" >> beam.ParDo(write)
            wait_until_finished(pipeline.run(), execution.runner)
    except Exception as error:
        # Runners wrap the exception of a worker in types of their own; its text is marked.
        if execution.runner:
            raise runner_failure(execution.runner, error) from error
        raise unmark(str(error)) or error from None
    finally:
        _open_here.pop(spec, None)


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
