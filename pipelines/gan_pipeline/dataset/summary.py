"""Summarises a dataset folder as one document of plain values."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from gan_core.storage import Folder
from gan_pipeline.dataset.features import AttributesFeature, Feature, ImageFeature, LabelFeature, VectorFeature
from gan_pipeline.dataset.manifest import Manifest, read_manifest
from gan_pipeline.dataset.preview import PREVIEW
from gan_pipeline.dataset.records import parse_example
from gan_pipeline.dataset.shards import stored_records


def summarise(folder: Folder) -> dict[str, Any]:
    """Splits, sizes, features, class balance, options and digest. Reads every record once for the balance."""
    manifest = read_manifest(folder)
    return {
        "folder": folder.uri,
        "name": manifest.name,
        "digest": manifest.digest,
        "splits": {name: _split_summary(folder, manifest, name) for name in manifest.splits},
        "features": {name: feature.model_dump(mode="json") for name, feature in manifest.features.items()},
        "counts": manifest.counts.model_dump(),
        "options": manifest.options.model_dump(mode="json"),
        "source": manifest.source.model_dump(),
        "packages": manifest.packages,
        "understood": manifest.understood and manifest.understood.model_dump(mode="json"),
        "preview": folder.locate(PREVIEW),
    }


def _split_summary(folder: Folder, manifest: Manifest, name: str) -> dict[str, Any]:
    split = manifest.splits[name]
    numbers = {key: feature for key, feature in manifest.features.items() if not isinstance(feature, ImageFeature)}
    stored: dict[str, list[Any]] = {key: [] for key in numbers}
    if numbers:
        for record in stored_records(folder, split):
            _, values = parse_example(record, manifest.features)
            for key in numbers:
                stored[key].append(values[key])
    return {
        "examples": split.examples,
        "shards": len(split.shards),
        "bytes": sum(shard.bytes for shard in split.shards),
        **_balance(numbers, stored),
    }


def _balance(features: Mapping[str, Feature], stored: dict[str, list[Any]]) -> dict[str, Any]:
    """The number of examples of each class and with each attribute, and the range of each number of a vector."""
    balance: dict[str, Any] = {}
    for key, feature in features.items():
        match feature:
            case LabelFeature():
                counts = Counter(stored[key])
                balance["classes"] = {feature.class_names[label]: count for label, count in sorted(counts.items())}
            case AttributesFeature():
                totals = np.sum(np.asarray(stored[key], np.int64), axis=0).tolist()
                balance["attributes"] = dict(zip(feature.names, totals, strict=True))
            case VectorFeature():
                values = np.asarray(stored[key])
                ranges = zip(values.min(axis=0).tolist(), values.max(axis=0).tolist(), strict=True)
                balance["ranges"] = dict(zip(feature.names, ranges, strict=True))
    return balance
