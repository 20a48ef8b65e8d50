"""What a dataset folder holds, in numbers a person or a script can read."""

from collections import Counter
from typing import Any

from gan_pipeline.manifest import Manifest, read_manifest
from gan_pipeline.records import decode_example, unframe
from gan_pipeline.storage import Folder


def inspect(folder: Folder) -> dict[str, Any]:
    """Splits, sizes, features, class balance, options and digest. Reads every record once for the balance."""
    manifest = read_manifest(folder)
    return {
        "folder": folder.uri,
        "name": manifest.name,
        "digest": manifest.digest,
        "splits": {name: _split_summary(folder, manifest, name) for name in manifest.splits},
        "image": manifest.features.image.model_dump(mode="json"),
        "counts": manifest.counts.model_dump(),
        "options": manifest.options.model_dump(mode="json"),
        "source": manifest.source.model_dump(),
        "packages": manifest.packages,
        "preview": folder.locate("preview.png"),
    }


def _split_summary(folder: Folder, manifest: Manifest, name: str) -> dict[str, Any]:
    split, image = manifest.splits[name], manifest.features.image
    labels: Counter[int] = Counter()
    for shard in split.shards:
        for record in unframe(folder.read(shard.file)):
            labels[decode_example(record, image.shape, image.encoding).label] += 1
    names = manifest.features.label.class_names
    return {
        "examples": split.examples,
        "shards": len(split.shards),
        "bytes": sum(shard.bytes for shard in split.shards),
        "classes": {names[label]: count for label, count in sorted(labels.items())},
    }
