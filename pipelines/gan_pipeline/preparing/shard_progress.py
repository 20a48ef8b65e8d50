"""The progress of `prepare`, read from the folder that it writes, so that it works on every runner.

Each worker writes every few seconds how far its shard has come; the command adds that to the finished shards.
"""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
from pydantic import TypeAdapter

from gan_core.documents import Whole, read_json
from gan_core.errors import DataError, StorageError
from gan_core.notices import is_shown
from gan_core.progress import ProgressDisplay, ProgressLine, duration, time_left
from gan_core.storage import WORK, Folder
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.preparing.metrics import PreparationMetrics
from gan_pipeline.preparing.shard_writer import ShardRecord, Tally, read_shard_record

_WORKER_SECONDS = 5.0
_TERMINAL_SECONDS = 1.0
_PLAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Note:
    """The progress of a worker with a shard: inputs read, examples kept, and its resident memory in bytes."""

    read: Whole
    kept: Whole
    memory: Whole


_NOTE_TYPE = TypeAdapter(Note)


class Heartbeat:
    """Writes into the folder every few seconds how far a shard has come; call it after every input."""

    def __init__(self, folder: Folder, task: ShardTask) -> None:
        self._folder, self._name = folder, _note_name(task)
        self._last = time.monotonic()

    def __call__(self, tally: Tally) -> None:
        if time.monotonic() - self._last < _WORKER_SECONDS:
            return
        note = Note(tally.read, tally.kept, psutil.Process().memory_info().rss)
        # A second attempt at a shard may end after the job did, and its work folder with it: a note is never worth the shard.
        with suppress(StorageError):
            self._folder.write(self._name, _NOTE_TYPE.dump_json(note))
        self._last = time.monotonic()


@dataclass(frozen=True)
class State:
    """The progress of a job: shards done, inputs read, examples kept, and the largest resident memory of a worker, in bytes."""

    done: int = 0
    read: int = 0
    kept: int = 0
    memory: int = 0


class Watch:
    """Reads the progress of a job from its folder; the record of a finished shard is read once."""

    def __init__(self, folder: Folder, tasks: Sequence[ShardTask]) -> None:
        self._folder, self._tasks = folder, tasks
        self._recorded: dict[ShardTask, ShardRecord] = {}
        self._memory = 0

    @property
    def shards(self) -> int:
        """Number of shards of the job."""
        return len(self._tasks)

    def clear(self) -> None:
        """Remove the notes of the workers of an earlier run."""
        for name in self._folder.names(f"{WORK}/"):
            if name.endswith(_NOTE):
                self._folder.remove(name)

    def state(self) -> State:
        """The progress at this moment."""
        present = set(self._folder.names(f"{WORK}/"))
        read, kept = 0, 0
        self._memory = max(self._memory, psutil.Process().memory_info().rss)
        for task in self._tasks:
            if task not in self._recorded and f"{WORK}/{task.file}.json" in present:
                record = read_shard_record(self._folder, task)
                if record is not None:
                    self._recorded[task] = record
            if task in self._recorded:
                read += self._recorded[task].read
                kept += self._recorded[task].shard.examples
            elif _note_name(task) in present:
                note = read_json(self._folder, _note_name(task), _NOTE_TYPE, "remove it")
                read, kept = read + note.read, kept + note.kept
                self._memory = max(self._memory, note.memory)
        return State(len(self._recorded), read, kept, self._memory)


_NOTE = ".progress"


def _note_name(task: ShardTask) -> str:
    return f"{WORK}/{task.file}{_NOTE}"


@contextmanager
def shard_progress(folder: Folder, tasks: Sequence[ShardTask], metrics: PreparationMetrics | None = None) -> Iterator[None]:
    """Show shards done, images/s, kept, dropped, time left and memory while the block runs.

    A bar on a terminal, plain lines once a minute otherwise.
    """
    if not is_shown() and metrics is None:
        yield
        return
    ended = threading.Event()
    watch = Watch(folder, tasks)
    watch.clear()
    watcher = threading.Thread(target=_watch, args=(watch, sum(len(task.ids) for task in tasks), ended, metrics), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(watch: Watch, inputs: int, ended: threading.Event, metrics: PreparationMetrics | None) -> None:
    # The workers report a failing storage, so progress stays silent about it, and about a note that somebody damaged.
    with suppress(StorageError, DataError), ProgressDisplay(inputs, text="prepare", plain_seconds=_PLAIN_SECONDS) as display:
        started, before = time.monotonic(), watch.state()
        seconds = _TERMINAL_SECONDS if sys.stderr.isatty() else _PLAIN_SECONDS
        if metrics:
            metrics.plan(inputs, watch.shards)
            seconds = min(seconds, _WORKER_SECONDS)
        last = False
        while not last:
            last = ended.wait(seconds)
            now = watch.state()
            taken = time.monotonic() - started
            rate = (now.read - before.read) / max(taken, 1e-9)
            fields = {"kept": now.kept, "dropped": now.read - now.kept, "shards": now.done, "images_per_second": rate}
            display.update(now.read, describe(now, before, watch.shards, inputs, taken), due=last, fields=fields)
            if metrics:
                metrics.progress(now.read, now.kept, now.done, rate)


def describe(now: State, before: State, shards: int, inputs: int, seconds: float) -> ProgressLine:
    """The progress of a job.

    Args:
        now: the progress at this moment.
        before: the progress when this run began.
        shards: number of shards.
        inputs: number of inputs to read.
        seconds: since this run began.
    """
    rate = (now.read - before.read) / max(seconds, 1e-9)
    left = time_left((inputs - now.read) / rate if rate and now.read < inputs else None)
    if now.done == shards:
        left = f"{duration(seconds)} taken"
    facts = (
        f"{rate:,.0f} images/s",
        f"{now.kept:,} kept",
        f"{now.read - now.kept:,} dropped",
        f"{now.memory / 2**20:,.0f} MB a worker",
    )
    return ProgressLine(f"{now.done}/{shards} shards", left, facts)
