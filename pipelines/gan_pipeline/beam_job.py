"""The Beam job: shard tasks -> one ParDo that writes whole shards. No image crosses a shuffle.

Runs in this process, in several, or on any other Beam runner; what it wrote is read from the folder, not from Beam.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import apache_beam as beam
import psutil
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.runner import create_runner

from gan_pipeline.errors import DataError, GanmillError, UsageError, mark, unmark
from gan_pipeline.plan import ShardTask
from gan_pipeline.records import Encoding
from gan_pipeline.shard import write_shard
from gan_pipeline.sources.base import Source
from gan_pipeline.sources.resolve import SourceSpec
from gan_pipeline.storage import open_folder


@dataclass(frozen=True)
class Execution:
    """How the work is run; nothing here changes what is written.

    Attributes:
        workers: processes on this machine; 1 runs inside this process.
        runner: name of another Beam runner, or None for the local one.
        runner_options: passed to Beam as they are.
    """

    workers: int = 1
    runner: str | None = None
    runner_options: tuple[str, ...] = ()

    @property
    def in_processes(self) -> bool:
        """Whether the work is done by other processes on this machine."""
        return self.runner is None and self.workers > 1


class WriteShard(beam.DoFn):
    """One whole shard for each task. Opens the source once per worker; no image crosses a shuffle."""

    def __init__(self, source: SourceSpec, fingerprint: str, out: str, encoding: Encoding, owner: int | None) -> None:
        self._spec, self._fingerprint, self._out, self._encoding = source, fingerprint, out, encoding
        self._owner = owner
        self._source: Source | None = None

    def setup(self) -> None:
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
        if self._owner is not None:
            # Beam prints every error of a worker here and also hands it to the owner, who says it in one line.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            threading.Thread(target=_end_with, args=(self._owner,), daemon=True).start()

    def process(self, task: ShardTask) -> Iterator[str]:
        try:
            yield write_shard(open_folder(self._out), task, self._open_source(), self._encoding).file
        except GanmillError as error:
            raise RuntimeError(mark(error)) from None

    def _open_source(self) -> Source:
        if self._source is None:
            self._source = self._spec.open()
            if self._source.fingerprint != self._fingerprint:
                raise DataError(f"{self._spec.uri or self._spec.kind}: changed while it was read; start the command again")
        return self._source


def _end_with(owner: int) -> None:
    """End this worker when the process that started it is gone: an orphan would go on writing beside the next run."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(owner).wait()
    os._exit(1)


def write_shards(
    tasks: list[ShardTask], source: SourceSpec, fingerprint: str, out: str, encoding: Encoding, execution: Execution
) -> None:
    """Write the shards of all tasks into the folder `out`.

    Raises:
        UsageError: no such runner.
        GanmillError: the first error of a worker.
    """
    write = WriteShard(source, fingerprint, out, encoding, os.getpid() if execution.in_processes else None)
    arguments = list(execution.runner_options)
    if execution.in_processes:
        arguments += ["--direct_running_mode=multi_processing", f"--direct_num_workers={execution.workers}"]
    try:
        # DirectRunner would try to download a Go runner and run a failed pipeline twice.
        runner = create_runner(execution.runner) if execution.runner else FnApiRunner()
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError(f"--runner {execution.runner}: {error}") from error
    try:
        with _quiet_beam(), beam.Pipeline(runner=runner, options=PipelineOptions(arguments)) as pipeline:
            shards = pipeline | "Shards" >> beam.Create(tasks)
            _ = shards | "WriteShards" >> beam.ParDo(write)
    except Exception as error:
        # Runners wrap a worker's exception in types of their own; ours is marked in the text.
        raise unmark(str(error)) or error from None


@contextmanager
def _quiet_beam() -> Iterator[None]:
    """Beam logs every error, prints it, and its threads die of it; once more it is raised, and that is enough."""
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
    before, threading.excepthook = threading.excepthook, lambda died: None
    try:
        yield
    finally:
        threading.excepthook = before
