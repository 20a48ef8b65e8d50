"""The idx files MNIST and Fashion-MNIST come in (format: Yann LeCun, yann.lecun.com/exdb/mnist).

Files are unpacked to a temporary file and memory mapped: memory does not grow with the dataset.
"""

import gzip
import hashlib
import math
import shutil
import struct
import tempfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.datasets import DatasetInfo
from gan_pipeline.errors import DataError, StorageError
from gan_pipeline.sources.base import ArraySource, ArraySplit, check_labels
from gan_pipeline.storage import Folder

FILE_PREFIX = {"train": "train", "test": "t10k"}

_UINT8 = 0x08
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


def open_idx(folder: Folder, info: DatasetInfo, prefixes: dict[str, str]) -> ArraySource:
    """Open idx files as a source.

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
    return ArraySource(splits, digest.hexdigest())


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
    with folder.local_file(name) as path, tempfile.TemporaryFile(prefix="ganmill-") as unpacked:
        _unpack(path, unpacked, where)
        size = unpacked.tell()
        unpacked.seek(0)
        # The content and not the file: packed and plain are the same source.
        while chunk := unpacked.read(_CHUNK):
            digest.update(chunk)
        unpacked.seek(0)
        shape = _read_header(unpacked, size, where)
        if shape[1:] != item_shape:
            raise DataError(f"{where}: items of shape {shape[1:]} where {item_shape} is expected; is it the right file?")
        # The map stays valid after the temporary file is closed, and its disk space is freed with it.
        return np.memmap(unpacked, np.uint8, "r", offset=unpacked.tell(), shape=shape)


def _unpack(path: Path, unpacked: IO[bytes], where: str) -> None:
    with open(path, "rb") as raw:
        packed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        try:
            with gzip.open(raw) if packed else raw as content:
                shutil.copyfileobj(content, unpacked, _CHUNK)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{where}: cut off or damaged ({error}); fetch the file again") from error
        except OSError as error:
            raise StorageError(f"{where}: could not be unpacked into {tempfile.gettempdir()}: {error}") from error


def _read_header(file: IO[bytes], size: int, where: str) -> tuple[int, ...]:
    """Read the magic number and sizes; the file is left at the first item."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UINT8 or not 1 <= magic[3] <= 3:
        raise DataError(f"{where}: not an idx file of bytes (it starts with {magic.hex() or 'nothing'}); fetch it again")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{where}: cut off inside its header; fetch the file again")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    promised = file.tell() + math.prod(shape)
    if size != promised:
        fault = "cut off" if size < promised else "too long"
        raise DataError(f"{where}: {fault}, its header promises {promised} bytes and it has {size}; fetch it again")
    if shape[0] == 0:
        raise DataError(f"{where}: holds no item")
    return shape
