"""`prepare` in children that share one warm interpreter: importing Beam and TFDS for every kill would take minutes."""

import multiprocessing
import os
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from gan_pipeline.dataset.options import Options

_WARM = ["gan_pipeline.preparing.prepare", "tensorflow_datasets.core.folder_dataset", "tensorflow_datasets.core.features"]

DIED = 70
"""Exit code of a child that ended itself at the step it was told."""


def start(
    out: Path, options: Options, die_at: int = 0, log: Path | None = None, retry_failed: bool = False
) -> ForkServerProcess:
    """Start preparing into `out`; with `die_at` the child ends as if killed just before that storage step."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_WARM)
    process = context.Process(target=_prepare, args=(str(out), options, die_at, log, retry_failed))
    process.start()
    return process


def finish(out: Path, options: Options, retry_failed: bool = False) -> None:
    """Prepare in peace."""
    process = start(out, options, retry_failed=retry_failed)
    process.join()
    assert process.exitcode == 0


def steps(out: Path, options: Options, log: Path, retry_failed: bool = False) -> list[str]:
    """Prepare in peace; the storage steps that took."""
    process = start(out, options, log=log, retry_failed=retry_failed)
    process.join()
    assert process.exitcode == 0
    return log.read_text().splitlines()


def die(out: Path, options: Options, step: int, retry_failed: bool = False) -> None:
    """Prepare up to that storage step, and end there as if killed."""
    process = start(out, options, die_at=step, retry_failed=retry_failed)
    process.join()
    assert process.exitcode == DIED


def _prepare(out: str, options: Options, die_at: int, log: Path | None, retry_failed: bool) -> None:
    from gan_pipeline.preparing.prepare import prepare_folder
    from gan_pipeline.preparing.runners import Execution

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    steps: list[str] = []

    def count(event: str, args: tuple[Any, ...]) -> None:
        if changes_storage(event, args, out):
            steps.append(event)
            if len(steps) == die_at:
                os._exit(DIED)

    # Python reports every file operation here before it happens: every point at which the folder can be left.
    sys.addaudithook(count)
    prepare_folder(out, options, Execution(), max_failure_rate=0.5, retry_failed=retry_failed)
    if log:
        log.write_text("\n".join(steps))


def changes_storage(event: str, args: tuple[Any, ...], out: str) -> bool:
    """Whether an event of `sys.addaudithook` is a step that changes what lies below the folder `out`."""
    if event == "open":
        return str(args[0]).startswith(out) and isinstance(args[1], str) and "w" in args[1]
    if event == "os.mkdir":
        return str(args[0]).startswith(out) and not Path(args[0]).exists()
    if event in ("os.rename", "os.link"):
        return str(args[1]).startswith(out)
    if event in ("os.remove", "os.rmdir"):
        # rmtree names what it removes relative to an open folder.
        base = f"/proc/self/fd/{args[1]}" if args[1] != -1 else "/"
        path = Path(base, args[0])
        return path.exists() and str(path.resolve()).startswith(out)
    return False
