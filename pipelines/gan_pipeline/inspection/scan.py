"""One pass over all records of a dataset, which measures images in batches and keeps a few numbers of each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_pipeline.dataset.duplicates import WORDS, Digests, Hashes, difference_hashes, pixel_digests
from gan_pipeline.dataset.features import AttributesFeature, LabelFeature, VectorFeature, image_features
from gan_pipeline.dataset.manifest import Manifest
from gan_pipeline.dataset.records import decode_image, framed_bytes, parse_example, read_records
from gan_pipeline.inspection.image_statistics import MeanImages, Numbers, light

BATCH_IMAGES = 256
_BATCH_PIXELS = 200_000
"""Pixels of a batch. So few fit into the cache of a processor, which is three times as fast as ten times as many."""

_MEAN_PIXELS = 4_000_000
"""Mean images are computed only if all of them together have at most this many pixels."""


@dataclass(frozen=True)
class Measured:
    """The measurements of n images, 96 bytes for each."""

    brightness: Numbers
    contrast: Numbers
    digests: Digests
    hashes: Hashes
    means: MeanImages | None

    def put(self, start: int, images: NDArray[np.uint8], groups: NDArray[np.signedinteger]) -> None:
        """Measure images and keep the numbers from place `start` on."""
        places = slice(start, start + len(images))
        measured = light(images)
        self.brightness[places], self.contrast[places] = measured.brightness, measured.contrast
        self.digests[places], self.hashes[places] = pixel_digests(images), difference_hashes(images)
        if self.means:
            self.means.add(images, groups)


@dataclass(frozen=True)
class Scan:
    """All examples of a dataset, in the order of splits, shards and records.

    Attributes:
        split: int16 (n,), position of the split in the manifest.
        shard: int32 (n,), position of the shard among all shards.
        offset: int64 (n,), where the record begins in its shard.
        record_bytes: int64 (n,), of the record without its frame.
        label: int64 (n,), or None if there are no classes.
        attributes: int64 (splits, attributes), how often each holds, or None.
        vectors: float32 (n, numbers), or None.
        images: by feature.
        found: the number of each example whose id was asked for.
    """

    split: NDArray[np.int16]
    shard: NDArray[np.int32]
    offset: NDArray[np.int64]
    record_bytes: NDArray[np.int64]
    label: NDArray[np.int64] | None
    attributes: NDArray[np.int64] | None
    vectors: NDArray[np.float32] | None
    images: dict[str, Measured]
    found: dict[str, int] = field(default_factory=dict)


def scan(
    folder: Folder,
    manifest: Manifest,
    wanted: frozenset[str] = frozenset(),
    advance: Callable[[int], None] = lambda count: None,
    batch: int = BATCH_IMAGES,
) -> Scan:
    """Read every record once and measure it.

    Args:
        folder: the dataset folder.
        manifest: its manifest.
        wanted: ids of examples to remember the numbers of.
        advance: called with the number of records read since the last call.
        batch: the most images measured at once; the result does not depend on it.

    Raises:
        DataError: a record is damaged, or a shard holds another number of them than the manifest says.
        StorageError: a shard cannot be read.
    """
    kept = _empty(manifest)
    decoded = image_features(manifest.features)
    pixels = sum(int(np.prod(feature.shape)) for feature in decoded.values())
    batch = max(1, min(batch, _BATCH_PIXELS // max(1, pixels)))
    pending: list[dict[str, Any]] = []
    number = 0

    def measure() -> None:
        start = number - len(pending)
        groups = (kept.split if kept.label is None else kept.label)[start:number]
        for name, measured in kept.images.items():
            measured.put(start, np.stack([values[name] for values in pending]), groups)
        advance(len(pending))
        pending.clear()

    for title, values, place in _records(folder, manifest):
        kept.split[number], kept.shard[number], kept.offset[number], kept.record_bytes[number] = place
        for name, feature in manifest.features.items():
            if isinstance(feature, LabelFeature) and kept.label is not None:
                kept.label[number] = values[name]
            elif isinstance(feature, AttributesFeature) and kept.attributes is not None:
                kept.attributes[place[0]] += values[name]
            elif isinstance(feature, VectorFeature) and kept.vectors is not None:
                kept.vectors[number] = values[name]
        if title in wanted:
            kept.found[title] = number
        pending.append({name: values[name] for name in decoded})
        number += 1
        if len(pending) == batch:
            measure()
    if pending:
        measure()
    return kept


def _records(folder: Folder, manifest: Manifest) -> Iterator[tuple[str, dict[str, Any], tuple[int, int, int, int]]]:
    """Yield the id, the values with decoded images, and (split, shard, offset, bytes) of every record."""
    shards = [(number, shard) for number, split in enumerate(manifest.splits.values()) for shard in split.shards]
    for place, (split, shard) in enumerate(shards):
        where, offset, found = folder.locate(shard.file), 0, 0
        try:
            with folder.open_binary(shard.file) as file:
                for record in read_records(file):
                    if found == shard.examples:
                        raise DataError(f"more than the {found} records the manifest says")
                    title, values = parse_example(record, manifest.features)
                    for name, feature in image_features(manifest.features).items():
                        values[name] = decode_image(values[name], feature.shape, feature.encoding)
                    yield title, values, (split, place, offset, len(record))
                    offset += framed_bytes(record)
                    found += 1
            if found < shard.examples:
                raise DataError(f"{found} records where the manifest says {shard.examples}")
        except DataError as error:
            raise DataError(
                f"{where}: after {found} good records: {error}; see all faults with: gan-pipeline verify {folder.uri} --deep"
            ) from error


def _empty(manifest: Manifest) -> Scan:
    """Arrays with room for every example of the manifest."""
    count = sum(split.examples for split in manifest.splits.values())
    features = list(manifest.features.values())
    labels = [feature for feature in features if isinstance(feature, LabelFeature)]
    attributes = [feature for feature in features if isinstance(feature, AttributesFeature)]
    vectors = [feature for feature in features if isinstance(feature, VectorFeature)]
    groups = len(labels[0].class_names) if labels else len(manifest.splits)
    images = {
        name: Measured(
            np.zeros(count),
            np.zeros(count),
            np.zeros((count, 2), np.uint64),
            np.zeros((count, WORDS), np.uint32),
            MeanImages(groups, feature.shape) if groups * np.prod(feature.shape) <= _MEAN_PIXELS else None,
        )
        for name, feature in image_features(manifest.features).items()
    }
    return Scan(
        np.zeros(count, np.int16),
        np.zeros(count, np.int32),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64) if labels else None,
        np.zeros((len(manifest.splits), len(attributes[0].names)), np.int64) if attributes else None,
        np.zeros((count, len(vectors[0].names)), np.float32) if vectors else None,
        images,
    )
