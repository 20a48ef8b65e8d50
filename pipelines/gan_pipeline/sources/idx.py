"""The idx files MNIST and Fashion-MNIST come in (format: Yann LeCun, yann.lecun.com/exdb/mnist).

Files are unpacked to a temporary file and memory mapped: memory does not grow with the dataset.
"""

import hashlib
import math
import struct
import tempfile
from io import BufferedIOBase
from typing import IO

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, StorageError
from gan_core.storage import Folder
from gan_pipeline.dataset.catalogue import DatasetInfo
from gan_pipeline.sources.base import Arrays, ArraySplit, check_labels
from gan_pipeline.sources.packed_file import open_unpacked

FILE_PREFIX = {"train": "train", "test": "t10k"}

_UINT8 = 0x08
_CHUNK = 1 << 20


def open_idx(folder: Folder, info: DatasetInfo, prefixes: dict[str, str]) -> Arrays:
    """Open idx files as arrays.

    Args:
        folder: holds `<prefix>-images-idx3-ubyte` and `<prefix>-labels-idx1-ubyte`, each plain or `.gz`.
        info: what the files must contain.
        prefixes: file prefix of each wanted split.

    Raises:
        DataError: a file is missing, not idx, cut off, of another shape, or the two do not belong together.
    """
    splits, digest = {}, hashlib.sha256()
    for split, prefix in prefixes.items():
        images_at = _find(folder, f"{prefix}-images", 3)
        labels_at = _find(folder, f"{prefix}-labels", 1)
        images = _load(folder, images_at, info.shape[:2], digest)
        labels = _load(folder, labels_at, (), digest).astype(np.int64)
        if len(images) != len(labels):
            raise DataError(
                f"{folder.locate(images_at)} has {len(images)} images but {folder.locate(labels_at)} has "
                f"{len(labels)} labels; fetch both files from the same place again"
            )
        check_labels(labels, len(info.class_names), folder.locate(labels_at))
        splits[split] = ArraySplit(images[..., np.newaxis], labels)
    return Arrays(splits, digest.hexdigest())


def _find(folder: Folder, stem: str, dimensions: int) -> str:
    names = [f"{stem}{mark}idx{dimensions}-ubyte{ending}" for mark in "-." for ending in ("", ".gz")]
    for name in names:
        if folder.exists(name):
            return name
    if not folder.names():
        raise StorageError(f"{folder.uri}: not found, or empty; --source takes the folder that holds the idx files")
    raise DataError(f"{folder.uri}: no file {names[0]} (or .gz) here; --source takes the folder that holds the idx files")


def _load(folder: Folder, name: str, item_shape: tuple[int, ...], digest: "hashlib._Hash") -> NDArray[np.uint8]:
    """Memory map the uint8 array of an idx file with items of `item_shape`."""
    where = folder.locate(name)
    with folder.local_file(name) as path, tempfile.TemporaryFile(prefix="ganmill-") as items:
        with open_unpacked(path, where, "fetch the file again") as content:
            header, shape = _read_header(content, where)
            if shape[1:] != item_shape:
                raise DataError(f"{where}: items of shape {shape[1:]} where {item_shape} is expected; is it the right file?")
            # The content and not the file: packed and plain are the same source.
            digest.update(header)
            _copy_items(content, items, len(header), math.prod(shape), digest, where)
        # The map stays valid after the temporary file is closed, and its disk space is freed with it.
        return np.memmap(items, np.uint8, "r", shape=shape)


def _read_header(file: BufferedIOBase, where: str) -> tuple[bytes, tuple[int, ...]]:
    """Read the magic number and sizes, and return them as bytes and as a shape; the file is left at the first item."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UINT8 or not 1 <= magic[3] <= 3:
        raise DataError(f"{where}: not an idx file of bytes (it starts with {magic.hex() or 'nothing'}); fetch it again")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{where}: cut off inside its header; fetch the file again")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    if shape[0] == 0:
        raise DataError(f"{where}: holds no item")
    return magic + sizes, shape


def _copy_items(content: BufferedIOBase, items: IO[bytes], header: int, size: int, digest: "hashlib._Hash", where: str) -> None:
    """Copy `size` bytes, and no more: a packed file may expand without end."""
    left = size
    while left and (chunk := content.read(min(left, _CHUNK))):
        items.write(chunk)
        digest.update(chunk)
        left -= len(chunk)
    items.flush()
    promise = f"its header promises {header + size} bytes"
    if left:
        raise DataError(f"{where}: cut off, {promise} and it has {header + size - left}; fetch it again")
    # Reading on past the last item is also what checks gzip's checksum.
    if content.read(1):
        raise DataError(f"{where}: too long, {promise} and it has more; fetch it again")
