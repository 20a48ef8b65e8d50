"""TensorFlow Datasets as a source: uses what is already prepared below TFDS_DATA_DIR, else downloads."""

import hashlib
import logging
import sys
import tempfile
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from gan_core.errors import DataError, StorageError
from gan_pipeline.dataset.catalogue import DatasetInfo
from gan_pipeline.sources.base import Arrays, ArraySplit, check_labels

_NETWORK_SECONDS = 15


def open_tfds(info: DatasetInfo, splits: tuple[str, ...]) -> Arrays:
    """Open a dataset of TFDS, downloading it if it is not there.

    Raises:
        StorageError: it is not there and could not be downloaded.
        DataError: what TFDS holds does not look like the dataset.
    """
    builder = prepared_builder(info)
    digest = hashlib.sha256()
    return Arrays({split: _materialise(builder, split, info, digest) for split in splits}, digest.hexdigest())


def prepared_builder(info: DatasetInfo) -> Any:
    """The TFDS builder of a dataset, its files there. Raises StorageError if they could not be downloaded."""
    import tensorflow_datasets as tfds

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    # TFDS warns of every folder it looks at and does not need.
    logging.getLogger("absl").setLevel(logging.ERROR)
    # TFDS lets every library's network and checksum errors through; what was being done tells them apart.
    try:
        builder = tfds.builder(info.tfds)
        if not builder.is_prepared():
            _check_network(builder)
        builder.download_and_prepare()
    except Exception as error:
        raise StorageError(
            f"TFDS could not provide {info.name}: {_reason(error)}. Give the original files with --source, "
            "or set TFDS_DATA_DIR to a folder where TFDS prepared it"
            + (", or take the package's own 10,000 digits with --source sample" if info.name == "mnist" else "")
        ) from error
    return builder


def in_file_order(builder: Any, split: str, **options: Any) -> Any:
    """The examples of a split in the order of its files. Raises DataError if there is no such split."""
    import tensorflow_datasets as tfds

    if split not in builder.info.splits:
        known = ", ".join(builder.info.splits)
        raise DataError(f"TFDS {builder.info.full_name} has no split {split!r}; it has: {known}")
    in_order = tfds.ReadConfig(interleave_cycle_length=1, add_tfds_id=False)
    examples = builder.as_dataset(split=split, shuffle_files=False, read_config=in_order, **options)
    return examples.as_numpy_iterator()


def _reason(error: Exception) -> str:
    """The cause of an error in one line: for a dead network the host that did not answer, not urllib3's whole story."""
    import requests

    if isinstance(error, (requests.ConnectionError, requests.Timeout)):
        url = str(error.request.url) if error.request is not None else ""
        return f"no connection to {urlsplit(url).hostname or 'the network'}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _check_network(builder: Any) -> None:
    """Ask for the first file once: TFDS itself would retry for minutes before it says that there is no network."""
    import requests

    for url in list(builder.url_infos)[:1]:
        requests.head(url, timeout=_NETWORK_SECONDS, allow_redirects=True).raise_for_status()


def _materialise(builder: Any, split: str, info: DatasetInfo, digest: "hashlib._Hash") -> ArraySplit:
    """Copy a split to a memory mapped temporary file, in the order of the TFDS files."""
    where = f"TFDS {builder.info.full_name}"
    examples = in_file_order(builder, split)
    label_key = "coarse_label" if info.variant == "coarse" else "label"
    count = builder.info.splits[split].num_examples
    labels = np.empty(count, np.int64)
    with tempfile.TemporaryFile(prefix="ganmill-") as file:
        images = np.memmap(file, np.uint8, "w+", shape=(count, *info.shape))
        for number, example in enumerate(examples):
            if example["image"].shape != info.shape:
                raise DataError(f"{where}: an image of shape {example['image'].shape}, expected {info.shape}")
            label = int(example[label_key]) - info.first_label
            images[number], labels[number] = example["image"].swapaxes(0, 1) if info.transposed else example["image"], label
            digest.update(example["image"].tobytes() + label.to_bytes(8, "little", signed=True))
    check_labels(labels, len(info.class_names), where)
    return ArraySplit(images, labels)
