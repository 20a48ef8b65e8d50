"""The split that a shard of a dataset belongs to, by its path: `data/train-00000-of-00002.parquet`, `val/0001.tar`."""

import re
from collections.abc import Iterable

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""The split by the word for it."""


def shard_splits(names: Iterable[str]) -> dict[str, str]:
    """The split of each shard by its name; "" for all of them if none names one, "train" for those that name none."""
    found = {name: _split(name) for name in names}
    return {name: split or "train" for name, split in found.items()} if any(found.values()) else found


def _split(name: str) -> str:
    words = re.split(r"[^a-z]+", name.lower())
    return next((SPLITS[word] for word in reversed(words) if word in SPLITS), "")
