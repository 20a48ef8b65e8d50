"""MNIST and its like as Keras (.npz) and Kaggle (.csv) pack them: images and labels as numbers.

A .csv has one image a line: its label, then its pixels by rows, 0 to 255; with or without a header line.
"""

import hashlib
import math
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.arrays import read_array
from gan_core.errors import DataError
from gan_core.storage import storage_errors
from gan_core.text import printable
from gan_pipeline.dataset.catalogue import DatasetInfo
from gan_pipeline.sources.array_files import FilePlace
from gan_pipeline.sources.base import ArraySplit
from gan_pipeline.sources.idx import MAX_ITEMS, labelled_split

_MAX_LINE = 64 << 10
"""Bytes of a line. One of 784 pixels takes at most 3,200."""


def load_csv(place: FilePlace, name: str, info: DatasetInfo, digest: "hashlib._Hash") -> ArraySplit:
    """A split from a .csv file, memory mapped from a temporary file.

    Raises:
        DataError: a line has another number of values, something that is no number from 0 to 255, or is too long; or a
            label is of no class.
    """
    where = place.locate(name)
    pixels = math.prod(info.shape)
    labels = bytearray()
    with (
        place.local_file(name) as path,
        open(path, "rb") as lines,
        storage_errors(Path(tempfile.gettempdir())),
        tempfile.TemporaryFile(prefix="ganmill-") as items,
    ):
        number = 0
        while line := lines.readline(_MAX_LINE + 1):
            number += 1
            cells = line.rstrip(b"\r\n").split(b",")
            if number == 1 and not cells[0].strip().isdigit():
                continue
            if not line.strip():
                continue
            if len(line) > _MAX_LINE or len(cells) != 1 + pixels or len(labels) == MAX_ITEMS:
                raise DataError(f"{where}: line {number} is no label with {pixels} pixels; fetch it again")
            try:
                row = bytes(map(int, cells))
            except ValueError as error:
                fault = printable(str(error)[:100])
                raise DataError(f"{where}: line {number} holds no number from 0 to 255 ({fault}); fetch it again") from error
            labels.append(row[0])
            items.write(row[1:])
            digest.update(row)
        if not labels:
            raise DataError(f"{where}: holds no image; fetch it again")
        items.flush()
        images = np.memmap(items, np.uint8, "r", shape=(len(labels), *info.shape[:2]))
        return labelled_split(images, np.frombuffer(bytes(labels), np.uint8), info, where)


def load_npy(place: FilePlace, names: tuple[str, str], info: DatasetInfo, digest: "hashlib._Hash") -> ArraySplit:
    """A split from two .npy files of bytes, or of a .npz: images (n, height, width) and labels (n,).

    Raises:
        DataError: one is no such array, the two differ in length, or a label is of no class.
    """
    images, labels = (_read_npy(place, name) for name in names)
    if images.shape[1:] not in (info.shape[:2], info.shape) or images.shape[:1] != labels.shape:
        raise DataError(
            f"{place.locate(names[0])}: arrays of shape {images.shape} and {labels.shape} where "
            f"(n, {info.shape[0]}, {info.shape[1]}) and (n,) are expected; is it the right file?"
        )
    for array in (images, labels):
        digest.update(array.tobytes())
    return labelled_split(images.reshape(-1, *info.shape[:2]), labels, info, place.locate(names[1]))


def _read_npy(place: FilePlace, name: str) -> NDArray[np.uint8]:
    """The array of a .npy file. Takes no more memory than twice the bytes of the file. Raises DataError."""
    with place.local_file(name) as path:
        content = path.read_bytes()
    try:
        array = read_array(content)
        if array.dtype.kind not in "iu":
            raise ValueError(f"numbers of type {array.dtype}")
        if not array.ndim or not 0 < len(array) <= MAX_ITEMS:
            raise ValueError(f"shape {array.shape}")
        if array.size and not 0 <= array.min() <= array.max() <= np.iinfo(np.uint8).max:
            raise ValueError("numbers outside 0 to 255")
    except ValueError as error:
        fault = printable(str(error)[:200])
        raise DataError(f"{place.locate(name)}: not an array of bytes, or cut off ({fault}); fetch it again") from error
    return array.astype(np.uint8)
