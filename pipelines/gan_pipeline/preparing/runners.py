"""Beam runners by name: which there are, what they accept, how to wait for one, and what its failures mean."""

import contextlib
import io
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner, create_runner

from gan_core.errors import GanmillError, InterruptedRunError, TemplateOnlyError, UsageError, unmark
from gan_core.text import short_repr
from gan_pipeline.sources.resolve import TFDS, SourceSpec

_DASK_RUNNER = "apache_beam.runners.dask.dask_runner.DaskRunner"
"""The full name of Dask's runner, since Beam does not know its short name. By default it gives 128 shards to one task."""

_WITHOUT_SHARED_DISK = "DataflowRunner"
_IN_THIS_PROCESS = ("FnApiRunner", "BundleBasedDirectRunner", "DirectRunner", "SwitchingDirectRunner")

_LOOK_MILLISECONDS = 5_000
_LOST_LOOKS = 12
"""A Dask cluster is lost when its scheduler is away, or no worker is there, at so many looks in a row: a minute."""

_LOST_DASK_WORK = ("KilledWorker", "FutureCancelledError", "NoValidWorkerError")


@dataclass(frozen=True)
class Execution:
    """Where and with how many processes the work is done. It makes no difference to the bytes that are written.

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


def check_execution(execution: Execution, out: str, source: SourceSpec) -> None:
    """Check the runner. Raises UsageError if there is none of that name, or it does not know its options or reach the data."""
    runner, name = make_runner(execution), execution.runner
    if name is None:
        return
    kind = type(runner).__name__
    local = [uri for uri in (out, source.uri) if uri and not uri.startswith("gs://")]
    if kind == _WITHOUT_SHARED_DISK and local:
        raise UsageError(f"--runner {name}: its workers cannot see this machine's disk; give -o and --source on gs://")
    if source.kind == TFDS and works_elsewhere(runner):
        raise UsageError(
            f"--runner {name}: every worker would download --source tfds; download it once, and give its folder as --source"
        )
    from apache_beam.runners.portability.portable_runner import PortableRunner

    # A portable runner asks its job server which options there are.
    if not isinstance(runner, PortableRunner):
        _check_options(name, execution.runner_options)


def make_runner(execution: Execution) -> PipelineRunner:
    """The runner. Raises UsageError if there is none of that name."""
    # DirectRunner would try to download a Go runner and run a failed pipeline twice.
    if execution.runner is None:
        return FnApiRunner()
    is_dask = execution.runner.lower() in ("dask", "daskrunner")
    try:
        return create_runner(_DASK_RUNNER if is_dask else execution.runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError(f"--runner {execution.runner}: {error}") from error


def works_elsewhere(runner: PipelineRunner) -> bool:
    """Whether a runner gives the work to other processes, as a rule on other hosts."""
    return type(runner).__name__ not in _IN_THIS_PROCESS


def _check_options(runner: str, arguments: Sequence[str]) -> None:
    """Raise UsageError for an option that no part of Beam knows, or whose value is no such value. Beam ignores both."""
    parsers: list[Any] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output):
            _, unknown = parsers[0].parse_known_args(list(arguments))
    except SystemExit:
        words = output.getvalue().strip().splitlines()[-1].partition("error: ")[2]
        raise UsageError(f"--runner {runner}: {words}") from None
    if unknown:
        raise UsageError(f"--runner {runner}: Beam knows no option {short_repr(unknown[0])}; check its spelling after --")


def wait_until_finished(result: Any, runner: str | None) -> None:
    """Wait for the end of a job. Where the wait itself is ended, as by Ctrl-C, the job is cancelled.

    Args:
        result: what the pipeline's `run` gave.
        runner: the name of the runner, or None for the local one.

    Raises:
        InterruptedRunError: a Dask cluster was lost.
        TemplateOnlyError: the runner started no job, since it was to write a template of one.
        Exception: whatever the runner raises.
    """
    # A result of Dataflow without a job is that of a template.
    if not getattr(result, "has_job", True):
        raise TemplateOnlyError(
            f"--runner {runner}: the template of the job is written; it holds the shards that are missing now. "
            "Start it, and when it is done run this command again without --template_location, which commits the folder"
        )
    try:
        client = getattr(result, "client", None)
        if client is None:
            result.wait_until_finish()
        else:
            _wait_for_dask(result, client, runner)
    except BaseException:
        # The first error counts. A cluster that is lost cannot cancel anything.
        with suppress(Exception):
            result.cancel()
        raise


def _wait_for_dask(result: Any, client: Any, runner: str | None) -> None:
    """Wait as Dask's result does, which would wait for ever for a scheduler or for workers that are gone."""
    away = 0
    while away < _LOST_LOOKS:
        try:
            result.wait_until_finish(duration=_LOOK_MILLISECONDS)
            return
        except TimeoutError:
            there = client.status == "running" and client.scheduler_info().get("workers")
            away = 0 if there else away + 1
    raise InterruptedRunError(
        f"--runner {runner}: the cluster at {client.scheduler.address} has had no scheduler or no worker for a minute; "
        "start it, then run the same command again: finished shards are kept"
    )


def runner_failure(runner: str, error: Exception) -> GanmillError:
    """The error of a runner as one for the user: that of a worker if its text is in it, else whether to try again."""
    if isinstance(error, GanmillError):
        return error
    worker = unmark(str(error))
    if worker is not None:
        return worker
    words = f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, OSError) or _is_of_connection(error):
        return InterruptedRunError(
            f"--runner {runner}: its cluster or job server cannot be reached, or was lost ({words}); check its address, and "
            "that it runs, then run the same command again: finished shards are kept"
        )
    return UsageError(f"--runner {runner}: {words}")


def _is_of_connection(error: Exception) -> bool:
    """Whether gRPC or Dask raised the error because nobody answers, or because the process that had the work is gone."""
    package, name = type(error).__module__.partition(".")[0], type(error).__name__
    return package == "grpc" or (package == "distributed" and name in _LOST_DASK_WORK)


def cores_for_each(workers: int) -> int:
    """The number of threads that each of several worker processes on this machine may use."""
    return max(1, (os.cpu_count() or 1) // workers)
