"""Check a dataset folder against its manifest, byte for byte and record for record."""

from collections.abc import Iterator

from gan_pipeline.errors import DataError
from gan_pipeline.manifest import Manifest, Shard, read_manifest
from gan_pipeline.records import decode_example, unframe
from gan_pipeline.shard import sha256_of
from gan_pipeline.storage import Folder

_AGAIN = "restore that file, or prepare the dataset again into a new folder"


def verify(folder: Folder) -> tuple[Manifest, list[str]]:
    """Every fault of a dataset folder, in shard order; an empty list means it is whole.

    Raises:
        DataError: there is no manifest, or it is broken itself.
        StorageError: the folder cannot be read.
    """
    manifest = read_manifest(folder)
    shards = [shard for split in manifest.splits.values() for shard in split.shards]
    return manifest, [fault for shard in shards for fault in _shard_faults(folder, shard, manifest)]


def check_shard(folder: Folder, shard: Shard) -> None:
    """Raise DataError naming the shard unless its file has the recorded size and checksum."""
    where = folder.locate(shard.file)
    if not folder.exists(shard.file):
        raise DataError(f"{where}: missing; {_AGAIN}")
    size = folder.size(shard.file)
    if size != shard.bytes:
        raise DataError(f"{where}: {size} bytes where the manifest says {shard.bytes}; {_AGAIN}")
    if sha256_of(folder, shard.file) != shard.sha256:
        raise DataError(f"{where}: its content changed, the sha256 is not the manifest's; {_AGAIN}")


def _shard_faults(folder: Folder, shard: Shard, manifest: Manifest) -> Iterator[str]:
    try:
        check_shard(folder, shard)
    except DataError as error:
        yield str(error)
    if folder.exists(shard.file):
        yield from _record_faults(folder, shard, manifest)


def _record_faults(folder: Folder, shard: Shard, manifest: Manifest) -> Iterator[str]:
    where, image, found = folder.locate(shard.file), manifest.features.image, 0
    classes = len(manifest.features.label.class_names)
    try:
        for record in unframe(folder.read(shard.file)):
            example = decode_example(record, image.shape, image.encoding)
            if not 0 <= example.label < classes:
                raise DataError(f"label {example.label} of {example.id} is outside 0..{classes - 1}")
            found += 1
    except DataError as error:
        yield f"{where}: after {found} good records: {error}"
        return
    if found != shard.examples:
        yield f"{where}: {found} records where the manifest says {shard.examples}"
