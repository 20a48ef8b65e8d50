"""Writes one whole shard under a temporary name, renames it, and records its checksum and the dropped inputs."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, TypeAdapter

from gan_core.documents import read_json
from gan_core.errors import DataError
from gan_core.storage import WORK, Folder
from gan_pipeline.dataset.catalogue import CHOSEN_OUT
from gan_pipeline.dataset.failures import Failure, beyond_chance, too_many
from gan_pipeline.dataset.features import Frozen
from gan_pipeline.dataset.manifest import Count, Sha256, Shard, dump_json
from gan_pipeline.dataset.records import ExampleEncoder, frame
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.dataset.shards import is_whole
from gan_pipeline.sources.base import Read, Source
from gan_pipeline.sources.files import contents_digest


class ShardRecord(Frozen):
    """The outcome of a task: its shard, how many inputs were read for it, and which of them were dropped.

    `used_bits` is the most that an image of 16 bits used of them, where the high 8 were kept; 0 where there was none.
    `contents` is the `contents_digest` of the files that were read.
    """

    shard: Shard
    read: Count
    contents: Sha256
    failures: tuple[Failure, ...] = Field(default=())
    used_bits: Count = 0


SHARD_RECORD = TypeAdapter(ShardRecord)


@dataclass(frozen=True)
class Tally:
    """The progress of a shard: inputs read and examples kept."""

    read: int = 0
    kept: int = 0


def write_shard(
    folder: Folder,
    task: ShardTask,
    source: Source,
    max_failure_rate: float = 1.0,
    report: Callable[[Tally], None] = lambda tally: None,
) -> ShardRecord:
    """Write the shard of a task and record it. The bytes depend on the task and the source alone.

    Memory stays at what the source holds at once: records stream to the storage as they are made.

    Raises:
        DataError: so many inputs are unusable that the source must be wrong.
    """
    digest, size, encoder = hashlib.sha256(), 0, ExampleEncoder(source.features)
    read, kept, used_bits, unusable = 0, 0, 0, 0
    failures: list[Failure] = []
    faces: list[Mapping[str, Any]] = []
    contents: list[tuple[str, str]] = []
    with folder.create(task.file) as out:
        for one in source.read(task.source_split, task.ids):
            read += 1
            if one.checksum is not None:
                contents.append((one.id, one.checksum))
            if one.face is not None:
                faces.append(one.face)
            if one.example is None:
                failures.append(_failure(one, task.split))
                unusable += failures[-1].reason not in CHOSEN_OUT
                if beyond_chance(unusable, read, max_failure_rate):
                    raise too_many(failures, read, max_failure_rate, folder.locate(task.file))
            else:
                framed = frame(encoder.encode(one.example))
                out.write(framed)
                digest.update(framed)
                size += len(framed)
                kept += 1
                used_bits = max(used_bits, one.used_bits)
            report(Tally(read, kept))
            if kept == task.keep:
                break
    if faces:
        folder.write(faces_name(task), "".join(json.dumps(face) + "\n" for face in faces).encode())
    shard = Shard(file=task.file, examples=kept, bytes=size, sha256=digest.hexdigest())
    record = ShardRecord(
        shard=shard, read=read, contents=contents_digest(contents), failures=tuple(failures), used_bits=used_bits
    )
    write_shard_record(folder, task, record)
    return record


def _failure(one: Read, split: str) -> Failure:
    assert one.failure is not None
    return Failure(id=one.id, split=split, stage=one.failure.stage, reason=one.failure.reason, detail=one.failure.detail)


def files_read(names: Iterable[str], failures: Iterable[Failure]) -> list[str]:
    """Those of the inputs `names` whose content was read: all but those that the storage did not give."""
    missed = {failure.id for failure in failures if failure.stage == "storage"}
    return [name for name in names if name not in missed]


def finished_shards(folder: Folder, tasks: list[ShardTask]) -> dict[ShardTask, ShardRecord]:
    """The tasks that an earlier run finished: a record exists, and the file has the recorded size and sha256."""
    present = set(folder.names())
    finished = {}
    for task in tasks:
        if {_record_name(task), task.file} <= present:
            record = read_shard_record(folder, task)
            if record and is_whole(folder, record.shard):
                finished[task] = record
    return finished


def _record_name(task: ShardTask) -> str:
    return f"{WORK}/{task.file}.json"


def faces_name(task: ShardTask) -> str:
    """The name of the file with the lines of faces.jsonl of a shard, until the commit."""
    return f"{WORK}/{task.file}.faces.jsonl"


def write_shard_record(folder: Folder, task: ShardTask, record: ShardRecord) -> None:
    """Write the record of a shard that is written."""
    folder.write(_record_name(task), dump_json(record.model_dump()))


def forget_shard(folder: Folder, task: ShardTask) -> None:
    """Remove the record of a task, so that the next run writes its shard again."""
    folder.remove(_record_name(task))


def read_shard_record(folder: Folder, task: ShardTask) -> ShardRecord | None:
    """The record of a task; None if it is missing or damaged, so that the shard is written again."""
    if not folder.exists(_record_name(task)):
        return None
    try:
        return read_json(folder, _record_name(task), SHARD_RECORD, "remove it")
    except DataError:
        return None
