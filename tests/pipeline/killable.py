"""`prepare` in children that share one warm interpreter: importing Beam and TFDS for every kill would take minutes."""

import multiprocessing
import os
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from gan_pipeline.manifest import Options
from gan_pipeline.records import Encoding

_WARM = ["gan_pipeline.prepare", "tensorflow_datasets.core.folder_dataset", "tensorflow_datasets.core.features"]

DIED = 70
"""Exit code of a child that ended itself at the step it was told."""


def start(out: Path, limit: int, shards: int, die_at: int = 0, log: Path | None = None) -> ForkServerProcess:
    """Start preparing digits into `out`; with `die_at` the child ends as if killed just before that storage step."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_WARM)
    process = context.Process(target=_prepare, args=(str(out), limit, shards, die_at, log))
    process.start()
    return process


def _prepare(out: str, limit: int, shards: int, die_at: int, log: Path | None) -> None:
    from gan_pipeline.beam_job import Execution
    from gan_pipeline.prepare import prepare

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    steps: list[str] = []

    def count(event: str, args: tuple[Any, ...]) -> None:
        if _changes_storage(event, args, out):
            steps.append(event)
            if len(steps) == die_at:
                os._exit(DIED)

    # Python reports every file operation here before it happens: every point at which the folder can be left.
    sys.addaudithook(count)
    options = Options(
        dataset="mnist",
        source="sample",
        splits=("train",),
        classes=None,
        limit=limit,
        shards=shards,
        seed=0,
        encoding=Encoding.RAW,
    )
    prepare(out, options, Execution())
    if log:
        log.write_text("\n".join(steps))


def _changes_storage(event: str, args: tuple[Any, ...], out: str) -> bool:
    if event == "open":
        return str(args[0]).startswith(out) and isinstance(args[1], str) and "w" in args[1]
    if event == "os.mkdir":
        return str(args[0]).startswith(out) and not Path(args[0]).exists()
    if event == "os.rename":
        return str(args[1]).startswith(out)
    if event in ("os.remove", "os.rmdir"):
        # rmtree names what it removes relative to an open folder.
        base = f"/proc/self/fd/{args[1]}" if args[1] != -1 else "/"
        path = Path(base, args[0])
        return path.exists() and str(path.resolve()).startswith(out)
    return False
