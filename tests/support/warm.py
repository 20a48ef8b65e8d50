"""Processes of their own for gan-train, forked from one that has imported TensorFlow and used nothing of it yet.

The import takes most of the time of a small run. A forked child starts behind it, and from there on is a process like
any other: it uses TensorFlow for the first time, and can be killed.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from tests.support.commands import Argument, Ran

_ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class WarmChild:
    """A process that runs, beside others maybe.

    Attributes:
        pid: to send it signals.
        place: holds what it writes to stdout and stderr.
    """

    pid: int
    place: tempfile.TemporaryDirectory[str]

    def wait(self) -> Ran:
        """Wait for its end; minus the signal's number is the code of a killed one, as subprocess has it."""
        code = _ask({"wait": self.pid})
        with self.place as place:
            return Ran(code, Path(place, "out").read_text(), Path(place, "err").read_text())


def start_warm(args: Sequence[Argument], prelude: str = "", env: Mapping[str, str] | None = None) -> WarmChild:
    """Start gan-train with these arguments, after some Python of the test's, in this folder and environment and `env`."""
    place = tempfile.TemporaryDirectory()
    request = {
        "args": [os.fspath(argument) for argument in args],
        "prelude": prelude,
        "out": f"{place.name}/out",
        "err": f"{place.name}/err",
        "cwd": str(Path.cwd()),
        "env": {**os.environ, **(env or {})},
    }
    return WarmChild(_ask(request), place)


def _ask(request: dict[str, Any]) -> int:
    """The number with which the server answers a request."""
    requests, answers = _server()
    requests.write(json.dumps(request) + "\n")
    requests.flush()
    return int(answers.readline())


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

    # Else every collection of garbage in a child looks at all that was imported: a fifth of the time of a small training.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        child = os.fork()
        if not child:
            _run(request)
        print(child, flush=True)


def _run(request: dict[str, Any]) -> NoReturn:
    """Become the process that was asked for."""
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    # Else it stays that of the server.
    tempfile.tempdir = None
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv = ["gan-train", *request["args"]]
    try:
        exec(request["prelude"], {"__name__": "__main__"})
        from gan_train.cli.main import main

        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
