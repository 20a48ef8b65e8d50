"""The records of a dataset folder by id, read with `plain_records` and so with nothing of ganmill."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.plain_records import plain_records

Features = dict[str, list[Any]]
"""By name: the bytes or the int64 numbers of a feature."""


def records(folder: Path, split: str = "train") -> dict[str, Features]:
    """The features of every example of a split by its id; ids are decoded as strict UTF-8."""
    found: dict[str, Features] = {}
    for shard in sorted(folder.glob(f"{split}-*.tfrecord")):
        for features in plain_records(shard):
            (name,) = features.pop("id")
            assert name.decode() not in found
            found[name.decode()] = features
    return found


def pixels(features: Features, *shape: int, name: str = "image") -> NDArray[np.uint8]:
    """An image that is stored raw."""
    (content,) = features[name]
    return np.frombuffer(content, np.uint8).reshape(shape)


def label(features: Features) -> int:
    """The class number of an example."""
    (number,) = features["label"]
    assert isinstance(number, int)
    return number
