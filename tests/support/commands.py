"""Run a command's entry point as a user would, inside this process or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

Argument = str | os.PathLike[str]


@dataclass(frozen=True)
class Ran:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def run_inside(main: Callable[[], object], *args: Argument) -> Ran:
    """An entry point inside this process; anything but SystemExit escapes and fails the test."""
    out, err, code = io.StringIO(), io.StringIO(), None
    argv = [main.__module__, *map(os.fspath, args)]
    with mock.patch.object(sys, "argv", argv), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    return Ran(code, out.getvalue(), err.getvalue())


def run_script(
    name: str, *args: Argument, env: Mapping[str, str] | None = None, before: Callable[[], None] | None = None
) -> Ran:
    """An installed script in a process of its own; `before` runs in it first."""
    done = subprocess.run(
        [Path(sys.executable).with_name(name), *map(os.fspath, args)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        preexec_fn=before,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
