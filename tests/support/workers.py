"""Several worker processes of one run, on this machine."""

import json
import os
import signal
import socket
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.support.commands import Argument, Ran
from tests.support.warm import WarmChild, start_warm

_HANG_SECONDS = 600
"""Only a test that has failed takes so long."""


def free_addresses(count: int) -> list[str]:
    """Addresses on loopback that nobody listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def tf_config(addresses: list[str], index: int) -> str:
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def start_worker(addresses: list[str], index: int, temporary: Path, *args: Argument, prelude: str = "") -> WarmChild:
    """One worker process of `gan-train`, with a folder for its temporary files."""
    temporary.mkdir(parents=True, exist_ok=True)
    return start_warm(args, prelude, {"TF_CONFIG": tf_config(addresses, index), "TMPDIR": str(temporary)})


def ended(worker: WarmChild) -> Ran:
    """Wait for a worker's exit code and output; kill it if it hangs."""
    watch = threading.Timer(_HANG_SECONDS, os.kill, (worker.pid, signal.SIGKILL))
    watch.start()
    try:
        return worker.wait()
    finally:
        watch.cancel()


def two_workers(arguments: list[Argument], folder: Path, preludes: Mapping[int, str] | None = None) -> tuple[Ran, Ran]:
    """Both workers run the same command, each with a run folder FOLDER/run-INDEX and temporary files in FOLDER/tmp-INDEX."""
    addresses = free_addresses(2)
    processes = [
        start_worker(
            addresses,
            index,
            folder / f"tmp-{index}",
            *arguments,
            "-o",
            folder / f"run-{index}",
            prelude=(preludes or {}).get(index, ""),
        )
        for index in (0, 1)
    ]
    chief, other = map(ended, processes)
    return chief, other
