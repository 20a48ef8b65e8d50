"""Reads finished shards: their checksums and their records."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_pipeline.dataset.manifest import Shard, Split
from gan_pipeline.dataset.records import read_records

_CHUNK = 1 << 20


def is_whole(folder: Folder, shard: Shard) -> bool:
    """Whether the file of a shard has the recorded size and sha256."""
    return shard.bytes == folder.size(shard.file) and shard.sha256 == sha256_of(folder, shard.file)


def stored_records(folder: Folder, split: Split) -> Iterator[bytes]:
    """The records of a split in order, one in memory at a time; a shard is opened when its first record is asked for.

    Raises DataError naming the shard if a record is damaged.
    """
    for shard in split.shards:
        with folder.open_binary(shard.file) as file:
            try:
                yield from read_records(file)
            except DataError as error:
                raise DataError(
                    f"{folder.locate(shard.file)}: {error}; see all faults with: gan-pipeline verify {folder.uri} --deep"
                ) from error


def sha256_of(folder: Folder, name: str) -> str:
    """The sha256 of a stored file, in hexadecimal; the file is read in chunks."""
    digest = hashlib.sha256()
    with folder.local_file(name) as path:
        _feed(digest, path)
    return digest.hexdigest()


def _feed(digest: "hashlib._Hash", path: Path) -> None:
    file: IO[bytes]
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
