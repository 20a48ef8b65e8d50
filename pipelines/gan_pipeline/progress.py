"""Progress of `prepare`, read from what is committed: it works the same on every runner."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from gan_pipeline.errors import StorageError
from gan_pipeline.shard import finished_count
from gan_pipeline.storage import Folder

_TERMINAL_SECONDS = 0.5
_PLAIN_SECONDS = 60.0


@contextmanager
def shard_progress(folder: Folder, shards: int, examples: int) -> Iterator[None]:
    """Show shards done, images/s, time left and memory while the block runs: a bar on a terminal, else plain lines."""
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(folder, shards, examples, ended), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(folder: Folder, shards: int, examples: int, ended: threading.Event) -> None:
    show = _show_bar if sys.stderr.isatty() else _show_lines
    # A storage that fails is reported by those who write to it.
    with suppress(StorageError):
        show(folder, shards, examples, ended)


def _show_bar(folder: Folder, shards: int, examples: int, ended: threading.Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("shards", total=shards, note="")
        started, before = time.monotonic(), finished_count(folder)
        while True:
            last = ended.wait(_TERMINAL_SECONDS)
            done = finished_count(folder)
            bar.update(task, completed=done, note=_note(done, before, shards, examples, started))
            if last:
                return


def _show_lines(folder: Folder, shards: int, examples: int, ended: threading.Event) -> None:
    started, before = time.monotonic(), finished_count(folder)
    while True:
        last = ended.wait(_PLAIN_SECONDS)
        print(_note(finished_count(folder), before, shards, examples, started), file=sys.stderr)
        if last:
            return


def _note(done: int, before: int, shards: int, examples: int, started: float) -> str:
    seconds = max(time.monotonic() - started, 1e-9)
    rate = (done - before) / shards * examples / seconds
    memory = psutil.Process().memory_info().rss / 2**20
    return f"{done}/{shards} shards, {rate:,.0f} images/s, {memory:,.0f} MB"
