"""Makes preview.png, a grid of the first examples of a dataset."""

import io
import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gan_core.images.grid import tile
from gan_core.images.labelled import as_shown, framed_png
from gan_core.storage import Folder
from gan_pipeline.dataset.features import Features, image_features
from gan_pipeline.dataset.manifest import Split
from gan_pipeline.dataset.records import Example, decode_example
from gan_pipeline.dataset.shards import stored_records

PREVIEW = "preview.png"

_IMAGES, _COLUMNS, _WIDTH = 100, 10, 1600
_POINTS = 1000


def preview(folder: Folder, splits: Mapping[str, Split], features: Features) -> bytes:
    """A PNG of the first examples: of the first split, or of both domains where there are two, one above the other.

    A hundred small images, or as many as fit into a picture people can look at; source and target of a pair stand side
    by side; points are plotted.
    """
    if not image_features(features):
        return _scatter(_first(folder, next(iter(splits.values())), features, _POINTS))
    width = sum(feature.shape[1] for feature in image_features(features).values())
    columns = max(2, min(_COLUMNS, _WIDTH // width))
    shown = [split for name, split in splits.items() if name.endswith(("A", "B"))][:2] or [next(iter(splits.values()))]
    count = min(_IMAGES, columns * columns) // len(shown)
    grids = [tile(as_shown(np.stack(_pictures(folder, split, features, count))), columns) for split in shown]
    return framed_png(np.concatenate([grid for grid in grids if grid.shape[1] == grids[0].shape[1]]), {})


def _first(folder: Folder, split: Split, features: Features, count: int) -> list[Example]:
    records = itertools.islice(stored_records(folder, split), count)
    return [decode_example(record, features) for record in records]


def _pictures(folder: Folder, split: Split, features: Features, count: int) -> list[NDArray[np.uint8]]:
    """One image for each example: all images of the example side by side."""
    names = list(image_features(features))
    examples = _first(folder, split, features, count)
    return [np.concatenate([np.asarray(example.values[name]) for name in names], axis=1) for example in examples]


def _scatter(examples: list[Example]) -> bytes:
    from matplotlib.figure import Figure

    points = np.stack([np.asarray(example.values["point"]) for example in examples])
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(points[:, 0], points[:, 1], s=4)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
