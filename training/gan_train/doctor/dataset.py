"""The check of a dataset folder: its manifest, and one of its shards, read and compared as training does."""

import time

from gan_core.doctor.check import Result
from gan_core.storage import open_folder
from gan_core.storage.gcs_client import patience
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.verify import check_shard

_PATIENCE = 20.0
"""Seconds for which a request to a storage that does not answer is repeated."""


def check_dataset(uri: str) -> Result:
    """Read the smallest shard of a dataset, and compare it with the manifest.

    Raises:
        DataError: there is no dataset, or the shard is not what the manifest says.
        StorageError: the folder cannot be read.
    """
    folder = open_folder(uri)
    with patience(_PATIENCE):
        manifest = read_manifest(folder)
        shards = [shard for split in manifest.splits.values() for shard in split.shards]
        smallest = min(shards, key=lambda shard: shard.bytes)
        began = time.monotonic()
        check_shard(folder, smallest)
    seconds = max(time.monotonic() - began, 1e-6)
    return Result(
        "ok",
        f"{uri}: {manifest.counts.kept:,} examples of {manifest.name} in {len(shards)} shards; {smallest.file} is whole, "
        f"{smallest.bytes / 2**20:,.1f} MiB read at {smallest.bytes / 2**20 / seconds:,.0f} MiB/s",
    )
