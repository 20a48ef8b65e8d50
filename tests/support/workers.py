"""Several worker processes of one run, on this machine."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.support.commands import Argument, Ran

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


def start_worker(
    addresses: list[str], index: int, temporary: Path, *args: Argument, prelude: str = ""
) -> subprocess.Popen[str]:
    """One worker process of `gan-train`, with a folder for its temporary files."""
    temporary.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", f"{prelude}\nfrom gan_train.cli.main import main\nmain()", *map(os.fspath, args)],
        env={**os.environ, "TF_CONFIG": tf_config(addresses, index), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Ran:
    """Wait for a worker's exit code and output; kill it if it hangs."""
    try:
        out, err = process.communicate(timeout=_HANG_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Ran(process.returncode, out, err)


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
