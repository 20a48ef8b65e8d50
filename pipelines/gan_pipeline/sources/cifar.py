"""CIFAR-10 as its authors publish it: the python or the binary version, unpacked or not.

Images are written to a temporary file and memory mapped: memory does not grow with the dataset.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, StorageError
from gan_core.storage import Folder, open_folder, storage_errors
from gan_pipeline.dataset.catalogue import DatasetInfo
from gan_pipeline.sources.base import Arrays, ArraySplit, check_labels
from gan_pipeline.sources.cifar_pickle import bytes_array, read_pickle
from gan_pipeline.sources.tar_members import open_tar

_BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
_ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".tar")
_AGAIN = "fetch it again from https://www.cs.toronto.edu/~kriz/cifar.html"
_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE
_MAX_FILE = 64 << 20
_MAX_ARCHIVE = 512 << 20


_T = TypeVar("_T")


class _Files(Protocol):
    """A folder or the files of an archive."""

    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def read(self, name: str) -> bytes: ...
    def locate(self, name: str) -> str: ...


_Batch = tuple[NDArray[np.uint8], list[int]]
"""uint8 (n, 3072): of each image its red, green and blue plane, by rows; and n labels."""


def _parse_python(content: bytes) -> _Batch:
    batch = read_pickle(content)
    labels = batch.get(b"labels")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise ValueError("no list of labels")
    return bytes_array(batch.get(b"data")), labels


def _parse_python_names(content: bytes) -> tuple[str, ...]:
    names = read_pickle(content).get(b"label_names")
    if not isinstance(names, list) or not all(isinstance(name, bytes) for name in names):
        raise ValueError("no list of class names")
    return tuple(name.decode() for name in names)


def _parse_binary(content: bytes) -> _Batch:
    """Each image is a byte for its label and 3072 for its pixels."""
    if len(content) % (1 + _PIXELS):
        raise ValueError(f"{len(content)} bytes are no multiple of {1 + _PIXELS}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + _PIXELS)
    return rows[:, 1:], rows[:, 0].tolist()


def _parse_binary_names(content: bytes) -> tuple[str, ...]:
    return tuple(content.decode().split())


@dataclass(frozen=True)
class _Version:
    folder: str
    archive: str
    ending: str
    meta: str
    parse: Callable[[bytes], _Batch]
    parse_names: Callable[[bytes], tuple[str, ...]]

    def names(self) -> list[str]:
        """Every file of this version."""
        return [self.meta, *(f"{batch}{self.ending}" for batches in _BATCHES.values() for batch in batches)]


_VERSIONS = (
    _Version("cifar-10-batches-py", "cifar-10-python.tar.gz", "", "batches.meta", _parse_python, _parse_python_names),
    _Version("cifar-10-batches-bin", "cifar-10-binary.tar.gz", ".bin", "batches.meta.txt", _parse_binary, _parse_binary_names),
)
_MEMBERS = frozenset(f"{version.folder}/{name}" for version in _VERSIONS for name in version.names())


def open_cifar10(folder_or_archive: str, info: DatasetInfo, splits: tuple[str, ...]) -> Arrays:
    """Open CIFAR-10 as arrays; images uint8 (n, 32, 32, 3), RGB, in the order of the files.

    The fingerprint covers images and labels and not the files: all versions of the same content agree.

    Args:
        folder_or_archive: a local path or gs:// URI: the archive (`.tar.gz`, `.tgz` or `.tar`), a folder that holds it
            by its official name, the unpacked folder, or the folder that holds that.
        info: what the files must contain.
        splits: of "train" and "test".

    Raises:
        DataError: a file is missing, cut off, damaged, or not of this dataset.
        StorageError: nothing is there, or it cannot be read.
    """
    if folder_or_archive.endswith(_ARCHIVE_ENDINGS):
        parent, slash, name = folder_or_archive.rpartition("/")
        return _open_archive(open_folder(parent or slash or "."), name, info, splits)
    folder = open_folder(folder_or_archive)
    if place := _find(folder):
        return _load(folder, *place, info, splits)
    for version in _VERSIONS:
        if folder.exists(version.archive):
            return _open_archive(folder, version.archive, info, splits)
    needed = f"--source takes {_VERSIONS[0].archive}, its unpacked folder, or a folder that holds one of them"
    if not folder.names():
        raise StorageError(f"{folder.uri}: not found, or empty; {needed}")
    raise DataError(f"{folder.uri}: no CIFAR-10 here; {needed}")


def _open_archive(folder: Folder, name: str, info: DatasetInfo, splits: tuple[str, ...]) -> Arrays:
    where = folder.locate(name)
    with folder.local_file(name) as path, open_tar(path, where, _AGAIN, _MEMBERS, _MAX_FILE, _MAX_ARCHIVE) as members:
        place = _find(members)
        if not place:
            raise DataError(f"{where}: none of CIFAR-10's files is in this archive; {_AGAIN}")
        return _load(members, *place, info, splits)


def _find(files: _Files) -> tuple[_Version, str] | None:
    """The version that is there, and what comes before its files' names."""
    for version in _VERSIONS:
        for prefix in ("", f"{version.folder}/"):
            if any(files.exists(prefix + name) for name in version.names()):
                return version, prefix
    return None


def _load(files: _Files, version: _Version, prefix: str, info: DatasetInfo, splits: tuple[str, ...]) -> Arrays:
    names = _parse(files, prefix + version.meta, version.parse_names)
    if names != info.class_names:
        where = files.locate(prefix + version.meta)
        raise DataError(f"{where}: its classes are not those of {info.name}; {_AGAIN}")
    digest, opened = hashlib.sha256(), {}
    for split in splits:
        batches = [f"{prefix}{batch}{version.ending}" for batch in _BATCHES[split]]
        opened[split] = _load_split(files, batches, version, len(names), digest)
    return Arrays(opened, digest.hexdigest())


def _load_split(files: _Files, batches: list[str], version: _Version, classes: int, digest: "hashlib._Hash") -> ArraySplit:
    with storage_errors(Path(tempfile.gettempdir())), tempfile.TemporaryFile(prefix="ganmill-") as images:
        labels = np.concatenate([_copy_images(files, name, version, classes, images, digest) for name in batches])
        images.flush()
        digest.update(labels.tobytes())
        # The map stays valid after the temporary file is closed, and its disk space is freed with it.
        return ArraySplit(np.memmap(images, np.uint8, "r", shape=(len(labels), _SIDE, _SIDE, 3)), labels)


def _copy_images(
    files: _Files, name: str, version: _Version, classes: int, target: IO[bytes], digest: "hashlib._Hash"
) -> NDArray[np.int64]:
    """Append the images of a batch to a file, and return their labels."""
    where = files.locate(name)
    planes, numbers = _parse(files, name, version.parse)
    if planes.shape != (len(numbers), _PIXELS) or not numbers:
        raise DataError(f"{where}: pixels of shape {planes.shape} with {len(numbers)} labels; {_AGAIN}")
    labels = np.array(numbers, np.int64)
    check_labels(labels, classes, where)
    images = planes.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1).tobytes()
    target.write(images)
    digest.update(images)
    return labels


def _parse(files: _Files, name: str, parse: Callable[[bytes], _T]) -> _T:
    where = files.locate(name)
    if not files.exists(name):
        raise DataError(f"{where}: missing; {_AGAIN}")
    if files.size(name) > _MAX_FILE:
        raise DataError(f"{where}: {files.size(name)} bytes, no file of CIFAR-10 has that many; {_AGAIN}")
    content = files.read(name)
    try:
        return parse(content)
    except ValueError as error:
        raise DataError(f"{where}: not of CIFAR-10, cut off, or damaged ({error}); {_AGAIN}") from error
