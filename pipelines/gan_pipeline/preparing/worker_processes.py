"""Worker processes on this machine, and the end of the job when one of them is lost.

Beam's runner waits for ever for a worker process that died, for example because the system ran out of memory. Here every
process is watched: if one ends before the job does, the others are ended too, and the job fails.
"""

import os
import shlex
import sys
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psutil
from apache_beam.runners.portability.fn_api_runner.worker_handlers import SubprocessSdkWorkerHandler, WorkerHandler
from apache_beam.transforms.environments import Environment, SubprocessSDKEnvironment

from gan_core.errors import InterruptedRunError, mark

_URN = "ganmill:environment:worker_process:v1"
_RETRY_SECONDS = 0.2


@Environment.register_urn(_URN, bytes)
class WorkerProcesses(SubprocessSDKEnvironment):
    """Beam's own worker processes, watched, and with stderr closed from their start.

    Ctrl-C reaches every process of a terminal, and a worker that is still starting would print a traceback. Beam prints every
    other error of a worker as well, and passes it to the owner, which reports it in one line.
    """

    def to_runner_api_parameter(self, context: object) -> tuple[str, bytes]:
        return _URN, self.command_string.encode()

    @staticmethod
    def from_runner_api_parameter(
        payload: bytes, capabilities: Any, artifacts: Any, resource_hints: Mapping[str, bytes], context: object
    ) -> "WorkerProcesses":
        return WorkerProcesses(payload.decode(), capabilities, artifacts, resource_hints)


def worker_processes() -> WorkerProcesses:
    """The environment of one job. Its command has an argument that Beam ignores and by which the job's processes are found."""
    job = f"ganmill-job-{uuid.uuid4().hex}"
    return WorkerProcesses(
        f"exec {shlex.quote(sys.executable)} -m apache_beam.runners.worker.sdk_worker_main {job} 2>{os.devnull}"
    )


@WorkerHandler.register_environment(_URN, bytes)
class WatchedWorkerHandler(SubprocessSdkWorkerHandler):
    """Starts and stops one worker process for Beam. If the process ends too early, all that Beam waits for fails."""

    def __init__(self, worker_command_line: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(worker_command_line, state, provision_info, grpc_server)
        self._closing = threading.Event()

    def start_worker(self) -> None:
        super().start_worker()
        threading.Thread(target=self._fail_when_lost, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        super().close()

    def _fail_when_lost(self) -> None:
        self.worker_thread.join()
        if self._closing.is_set():
            return
        _end_job(self._worker_command_line.decode())
        lost = InterruptedRunError(
            "a worker process on this machine ended before its work was done, as when memory runs out; "
            "what was committed is kept: run the same command again, with fewer --workers if memory is short"
        )
        # Beam may ask this worker for more before it notices; each of those requests has to fail, too.
        while not self._closing.wait(_RETRY_SECONDS):
            # Another thread may add a request at this moment; the next turn fails it.
            with suppress(RuntimeError):
                self.control_conn.abort(RuntimeError(mark(lost)))


def _end_job(command: str) -> None:
    """Kill the worker processes of this process that were started by that command."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.cmdline()[-1] in shlex.split(command):
                process.kill()
