"""Checks a dataset folder against its manifest: every byte and every record."""

from collections.abc import Iterator

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_pipeline.dataset.manifest import Manifest, Shard, read_manifest
from gan_pipeline.dataset.records import check_example, decode_example, read_records
from gan_pipeline.dataset.shards import sha256_of

_REMEDY = "restore that file, or prepare the dataset again into a new folder"


def verify(folder: Folder, deep: bool = False) -> tuple[Manifest, list[str]]:
    """Every fault of a dataset folder, in shard order; an empty list means it is whole.

    Args:
        folder: the dataset folder.
        deep: also decode every image and check every number.

    Raises:
        DataError: there is no manifest, or it is broken itself.
        StorageError: the folder cannot be read.
    """
    manifest = read_manifest(folder)
    shards = [shard for split in manifest.splits.values() for shard in split.shards]
    return manifest, [fault for shard in shards for fault in _shard_faults(folder, shard, manifest, deep)]


def check_shard(folder: Folder, shard: Shard) -> None:
    """Raise DataError naming the shard unless its file has the recorded size and checksum."""
    where = folder.locate(shard.file)
    if not folder.exists(shard.file):
        raise DataError(f"{where}: missing; {_REMEDY}")
    size = folder.size(shard.file)
    if size != shard.bytes:
        raise DataError(f"{where}: {size} bytes where the manifest says {shard.bytes}; {_REMEDY}")
    if sha256_of(folder, shard.file) != shard.sha256:
        raise DataError(f"{where}: its content changed, the sha256 is not the manifest's; {_REMEDY}")


def _shard_faults(folder: Folder, shard: Shard, manifest: Manifest, deep: bool) -> Iterator[str]:
    try:
        check_shard(folder, shard)
    except DataError as error:
        yield str(error)
    if folder.exists(shard.file):
        yield from _record_faults(folder, shard, manifest, deep)


def _record_faults(folder: Folder, shard: Shard, manifest: Manifest, deep: bool) -> Iterator[str]:
    where, found = folder.locate(shard.file), 0
    parse = decode_example if deep else check_example
    try:
        with folder.open_binary(shard.file) as file:
            for record in read_records(file):
                parse(record, manifest.features)
                found += 1
    except DataError as error:
        yield f"{where}: after {found} good records: {error}"
        return
    if found != shard.examples:
        yield f"{where}: {found} records where the manifest says {shard.examples}"
