"""The files of CIFAR-10 and CIFAR-100 as their authors publish them: which there are, and how each is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.sources.cifar_pickle import bytes_array, read_pickle

SIDE = 32
PIXELS = 3 * SIDE * SIDE

Batch = tuple[NDArray[np.uint8], list[int]]
"""uint8 (n, 3072): of each image its red, green and blue plane, by rows; and n labels."""


@dataclass(frozen=True)
class Layout:
    """One published version of a dataset.

    Attributes:
        folder: name of the unpacked folder.
        archive: official name of the archive.
        meta: file that holds the class names.
        batches: files of each split, in order.
        parse: reads a file of images. Raises ValueError.
        parse_names: reads the class names. Raises ValueError.
    """

    folder: str
    archive: str
    meta: str
    batches: Mapping[str, tuple[str, ...]]
    parse: Callable[[bytes], Batch]
    parse_names: Callable[[bytes], tuple[str, ...]]

    def names(self) -> list[str]:
        """Every file of this version that is read."""
        return [self.meta, *(batch for batches in self.batches.values() for batch in batches)]


def _parse_python(content: bytes, key: bytes) -> Batch:
    batch = read_pickle(content)
    labels = batch.get(key)
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise ValueError("no list of labels")
    return bytes_array(batch.get(b"data")), labels


def _parse_python_names(content: bytes, key: bytes) -> tuple[str, ...]:
    names = read_pickle(content).get(key)
    if not isinstance(names, list) or not all(isinstance(name, bytes) for name in names):
        raise ValueError("no list of class names")
    return tuple(name.decode() for name in names)


def _parse_binary(content: bytes, labels: int, place: int) -> Batch:
    """Each image is so many bytes of labels, of which the one at `place` counts, and 3072 for its pixels."""
    size = labels + PIXELS
    if len(content) % size:
        raise ValueError(f"{len(content)} bytes are no multiple of {size}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    return rows[:, labels:], rows[:, place].tolist()


def _parse_binary_names(content: bytes) -> tuple[str, ...]:
    return tuple(content.decode().split())


def _cifar10_batches(ending: str) -> dict[str, tuple[str, ...]]:
    return {"train": tuple(f"data_batch_{number}{ending}" for number in range(1, 6)), "test": (f"test_batch{ending}",)}


_CIFAR10 = (
    Layout(
        "cifar-10-batches-py",
        "cifar-10-python.tar.gz",
        "batches.meta",
        _cifar10_batches(""),
        partial(_parse_python, key=b"labels"),
        partial(_parse_python_names, key=b"label_names"),
    ),
    Layout(
        "cifar-10-batches-bin",
        "cifar-10-binary.tar.gz",
        "batches.meta.txt",
        _cifar10_batches(".bin"),
        partial(_parse_binary, labels=1, place=0),
        _parse_binary_names,
    ),
)


def layouts(dataset: str, variant: str) -> tuple[Layout, ...]:
    """The published versions of a dataset: "cifar10", or "cifar100" with its "fine" or "coarse" classes."""
    if dataset == "cifar10":
        return _CIFAR10
    return (
        Layout(
            "cifar-100-python",
            "cifar-100-python.tar.gz",
            "meta",
            {"train": ("train",), "test": ("test",)},
            partial(_parse_python, key=f"{variant}_labels".encode()),
            partial(_parse_python_names, key=f"{variant}_label_names".encode()),
        ),
        Layout(
            "cifar-100-binary",
            "cifar-100-binary.tar.gz",
            f"{variant}_label_names.txt",
            {"train": ("train.bin",), "test": ("test.bin",)},
            partial(_parse_binary, labels=2, place=("coarse", "fine").index(variant)),
            _parse_binary_names,
        ),
    )
