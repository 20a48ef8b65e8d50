"""Several processes of gan-train at once, each on a host of its own, forked from one that has imported TensorFlow."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from tests.support.commands import Argument
from tests.support.hosts import Host

_ROOT = Path(__file__).parent.parent.parent

_NETWORK = 0x40000000
"""CLONE_NEWNET of sched.h; Python has os.setns since 3.12."""


@dataclass
class Forked:
    """A process of gan-train.

    Attributes:
        pid: its process id.
        output: the file that it writes to.
        code: its exit code once it has ended, minus the number of a signal that killed it.
        ended: when it was seen to have ended, by `time.monotonic`.
    """

    pid: int
    output: Path
    code: int | None = None
    ended: float = 0.0

    def poll(self) -> bool:
        """Whether it has ended."""
        if self.code is None:
            self.code = _asked({"poll": self.pid})
            self.ended = time.monotonic()
        return self.code is not None

    def told(self) -> str:
        """All that it has written."""
        return self.output.read_text() if self.output.exists() else ""

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        if not self.poll():
            os.kill(self.pid, signal.SIGKILL)


def fork_gan_train(host: Host, args: Sequence[Argument], env: Mapping[str, str], output: Path, prelude: str = "") -> Forked:
    """Start gan-train on a host, after some Python of the test's."""
    output.unlink(missing_ok=True)
    request = {
        "args": [os.fspath(argument) for argument in args],
        "env": {**os.environ, **env},
        "output": str(output),
        "prelude": prelude,
        "namespace": host.namespace,
    }
    return Forked(_asked(request), output)


def _asked(request: Mapping[str, Any]) -> Any:
    requests, answers = _server()
    requests.write(json.dumps(request) + "\n")
    requests.flush()
    return json.loads(answers.readline())


@cache
def _server() -> tuple[IO[str], IO[str]]:
    """The process to fork from, which ends with this one: its requests and answers, a line each."""
    command = [sys.executable, "-m", __name__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
    assert process.stdin and process.stdout
    return process.stdin, process.stdout


def _serve() -> None:
    from gan_core.quiet import import_tensorflow

    import_tensorflow()
    import gan_train.cli.main
    import gan_train.loop.run  # noqa: F401 - most of what a run imports

    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            print(json.dumps(os.waitstatus_to_exitcode(status) if pid else None), flush=True)
            continue
        child = os.fork()
        if not child:
            _run(request)
        print(child, flush=True)


def _run(request: Mapping[str, Any]) -> NoReturn:
    """Become the process that was asked for."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(request["env"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for descriptor in (1, 2):
            os.dup2(os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
        namespace = os.open(f"/run/netns/{request['namespace']}", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(namespace, _NETWORK):
            raise OSError(ctypes.get_errno(), "setns")
        sys.argv = ["gan-train", *request["args"]]
        exec(request["prelude"], {"__name__": "__main__"})
        from gan_train.cli.main import main

        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
