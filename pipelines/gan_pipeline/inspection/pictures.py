"""Reads single examples of a dataset, and makes the pictures of them for a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.html.pictures import LARGEST_SIDE, pixels_uri
from gan_core.storage import Folder
from gan_pipeline.dataset.features import LabelFeature, image_features
from gan_pipeline.dataset.manifest import Manifest
from gan_pipeline.dataset.records import Example, decode_example, read_records
from gan_pipeline.inspection.scan import Scan

_SMALL_SIDE = 64


@dataclass(frozen=True)
class ExampleThumbnail:
    """An image as it is shown on the page.

    Attributes:
        uri: a data URI.
        width, height: the size at which it is shown, in pixels.
        enlarged: whether each of its pixels is shown as several.
        title: the id of the example, or another name.
        note: a text below the title.
    """

    uri: str
    width: int
    height: int
    enlarged: bool
    title: str
    note: str = ""


def chosen(numbers: NDArray[np.int64], count: int, seed: Sequence[int]) -> list[int]:
    """At most `count` of the numbers, in ascending order, drawn at random without replacement."""
    if len(numbers) <= count:
        return sorted(numbers.tolist())
    return sorted(np.random.default_rng(list(seed)).choice(numbers, count, replace=False).tolist())


def read_examples(folder: Folder, manifest: Manifest, scan: Scan, numbers: Iterable[int]) -> dict[int, Example]:
    """The examples of the given numbers, read from the offsets of their records. Raises what `scan` raises."""
    files = [shard.file for split in manifest.splits.values() for shard in split.shards]
    wanted: dict[int, list[int]] = {}
    for number in sorted(set(numbers)):
        wanted.setdefault(int(scan.shard[number]), []).append(number)
    found = {}
    for shard, inside in wanted.items():
        with folder.open_binary(files[shard]) as file:
            for number in inside:
                file.seek(int(scan.offset[number]))
                found[number] = decode_example(next(read_records(file)), manifest.features)
    return found


class Album:
    """The pictures of the examples that a page shows."""

    def __init__(self, manifest: Manifest, scan: Scan, examples: Mapping[int, Example]) -> None:
        labels = [feature for feature in manifest.features.values() if isinstance(feature, LabelFeature)]
        self._names = labels[0].class_names if labels else ()
        self._splits = tuple(manifest.splits)
        self._scan, self._examples = scan, examples
        self._images = tuple(image_features(manifest.features))

    def picture(self, number: int, feature: str, note: str = "") -> ExampleThumbnail:
        """One image of an example, with its id, split and class."""
        place = self._splits[self._scan.split[number]]
        if self._scan.label is not None:
            place += f", class {self._names[self._scan.label[number]]}"
        return shown(np.asarray(self._examples[number].values[feature]), self._examples[number].id, note or place)

    def pair(self, number: int) -> tuple[ExampleThumbnail, ...]:
        """All images of an example."""
        return tuple(self.picture(number, feature, feature) for feature in self._images)


def shown(pixels: NDArray[np.uint8], title: str, note: str = "") -> ExampleThumbnail:
    """The picture of an image: small images are enlarged by a whole factor, large ones reduced."""
    height, width = pixels.shape[:2]
    longest = max(height, width)
    scale = LARGEST_SIDE / longest if longest > LARGEST_SIDE else max(1, _SMALL_SIDE // longest)
    return ExampleThumbnail(pixels_uri(pixels), round(width * scale), round(height * scale), scale > 1, title, note)
