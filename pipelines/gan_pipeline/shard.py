"""Write one whole shard: temporary name, checksum, then commit by rename and a record of the result."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from gan_pipeline.manifest import Shard, dump_json
from gan_pipeline.plan import ShardTask
from gan_pipeline.records import Encoding, ExampleEncoder, frame
from gan_pipeline.sources.base import Source
from gan_pipeline.storage import WORK, Folder

_CHUNK = 1 << 20


def write_shard(folder: Folder, task: ShardTask, source: Source, encoding: Encoding) -> Shard:
    """Write the shard of a task and record it. The bytes depend on the task, the source and the encoding alone.

    Memory stays at one example: records stream to the storage as they are made.
    """
    digest, size, encoder = hashlib.sha256(), 0, ExampleEncoder(encoding)
    with folder.create(task.file) as out:
        for example in source.read(task.split, task.ids):
            framed = frame(encoder.encode(example))
            out.write(framed)
            digest.update(framed)
            size += len(framed)
    shard = Shard(file=task.file, examples=len(task.ids), bytes=size, sha256=digest.hexdigest())
    folder.write(_record_name(task), dump_json(shard.model_dump()))
    return shard


def finished_shards(folder: Folder, tasks: list[ShardTask]) -> Mapping[ShardTask, Shard]:
    """The tasks an earlier run finished: a record is there and the file is exactly what the record says."""
    present = set(folder.names())
    finished = {}
    for task in tasks:
        if {_record_name(task), task.file} <= present:
            shard = read_shard_record(folder, task)
            if shard and shard.bytes == folder.size(task.file) and shard.sha256 == sha256_of(folder, task.file):
                finished[task] = shard
    return finished


def finished_count(folder: Folder) -> int:
    """How many shards have been committed so far, for showing progress on any runner."""
    return sum(name.endswith(".tfrecord.json") for name in folder.names(f"{WORK}/"))


def sha256_of(folder: Folder, name: str) -> str:
    """sha256 of a stored file, read in chunks."""
    digest = hashlib.sha256()
    with folder.local_file(name) as path:
        _feed(digest, path)
    return digest.hexdigest()


def _feed(digest: "hashlib._Hash", path: Path) -> None:
    file: IO[bytes]
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)


def _record_name(task: ShardTask) -> str:
    return f"{WORK}/{task.file}.json"


def read_shard_record(folder: Folder, task: ShardTask) -> Shard | None:
    """The record of a task; None if it is not readable, and then the shard is simply written again."""
    try:
        return Shard.model_validate_json(folder.read(_record_name(task)))
    except ValidationError:
        return None
