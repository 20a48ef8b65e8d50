"""Batches of real examples, read by TensorFlow itself, to compare with those that the trainer reads."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.records import decode_example

LabelledImages = tuple[NDArray[np.float32], NDArray[np.int64]]
"""(n, height, width, channels), and their class numbers."""


def read_split(data: Path, split: str) -> LabelledImages:
    """Every example of a split: images in [-1, 1], and class numbers."""
    manifest = read_manifest(open_folder(str(data)))
    files = [str(data / shard.file) for shard in manifest.splits[split].shards]
    records = [decode_example(record.numpy(), manifest.features) for record in tf.data.TFRecordDataset(files)]
    images = np.stack([record.values["image"] for record in records]).astype(np.float32)
    return images / 127.5 - 1, np.array([record.values["label"] for record in records])
