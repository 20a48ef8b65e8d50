"""CIFAR-10 and CIFAR-100 as their authors publish them: the python or the binary version, unpacked or not.

Images are written to a temporary file and memory mapped: memory does not grow with the dataset.
"""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, StorageError
from gan_core.storage import Folder, open_folder, storage_errors
from gan_pipeline.dataset.catalogue import DatasetInfo
from gan_pipeline.sources.base import Arrays, ArraySplit, check_labels
from gan_pipeline.sources.cifar_layouts import PIXELS, SIDE, Layout, layouts
from gan_pipeline.sources.known_files import check_official, file_sum, unknown_note
from gan_pipeline.sources.tar_members import open_tar

_ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".tar")
_AGAIN = "fetch it again from https://www.cs.toronto.edu/~kriz/cifar.html"

_MAX_FILE = {"cifar10": 64 << 20, "cifar100": 256 << 20}
"""Bytes of a file: CIFAR-10's largest has 31 million, CIFAR-100's 155 million."""

_MAX_ARCHIVE = 512 << 20
"""Bytes of an unpacked archive."""

_T = TypeVar("_T")


class _Files(Protocol):
    """A folder or the files of an archive."""

    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def read(self, name: str) -> bytes: ...
    def locate(self, name: str) -> str: ...


def open_cifar(folder_or_archive: str, info: DatasetInfo, splits: tuple[str, ...]) -> Arrays:
    """Open CIFAR-10 or CIFAR-100 as arrays; images uint8 (n, 32, 32, 3), RGB, in the order of the files.

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
    known = layouts(info.name, info.variant)
    if folder_or_archive.lower().endswith(_ARCHIVE_ENDINGS):
        parent, slash, name = folder_or_archive.rpartition("/")
        return _open_archive(open_folder(parent or slash or "."), name, info, splits, known)
    folder = open_folder(folder_or_archive)
    if place := _find(folder, known):
        return _load(folder, *place, info, splits)
    for layout in known:
        if folder.exists(layout.archive):
            return _open_archive(folder, layout.archive, info, splits, known)
    needed = f"--source takes {known[0].archive}, its unpacked folder, or a folder that holds one of them"
    if not folder_or_archive.startswith("gs://") and Path(folder_or_archive).is_file():
        raise DataError(f"{folder.uri}: a file that is no tar archive by its name; {needed}")
    if not folder.names():
        raise StorageError(f"{folder.uri}: not found, or empty; {needed}")
    raise DataError(f"{folder.uri}: no {_title(info)} here; {needed}")


def _title(info: DatasetInfo) -> str:
    return info.name.upper().replace("CIFAR", "CIFAR-")


def _open_archive(folder: Folder, name: str, info: DatasetInfo, splits: tuple[str, ...], known: Sequence[Layout]) -> Arrays:
    where = folder.locate(name)
    members = frozenset(f"{layout.folder}/{member}" for layout in known for member in layout.names())
    with folder.local_file(name) as path:
        with open(path, "rb") as file:
            official = check_official(info.name, "archive", (file_sum(file),), where)
        with open_tar(path, where, _AGAIN, members, _MAX_FILE[info.name], _MAX_ARCHIVE) as files:
            place = _find(files, known)
            if not place:
                raise DataError(f"{where}: none of {_title(info)}'s files is in this archive; {_AGAIN}")
            arrays = _load(files, *place, info, splits)
    return arrays if official else replace(arrays, notes=(unknown_note(info.name, where),))


def _find(files: _Files, known: Sequence[Layout]) -> tuple[Layout, str] | None:
    """The layout that is there, and the path before its files' names."""
    for layout in known:
        for prefix in ("", f"{layout.folder}/"):
            if any(files.exists(prefix + name) for name in layout.names()):
                return layout, prefix
    return None


def _load(files: _Files, layout: Layout, prefix: str, info: DatasetInfo, splits: tuple[str, ...]) -> Arrays:
    names = _parse(files, prefix + layout.meta, layout.parse_names, info)
    if names != info.class_names:
        where = files.locate(prefix + layout.meta)
        raise DataError(f"{where}: its classes are not those of {info.name}; {_AGAIN}")
    digest, opened = hashlib.sha256(), {}
    for split in splits:
        batches = [f"{prefix}{batch}" for batch in layout.batches[split]]
        opened[split] = _load_split(files, batches, layout, info, digest)
    others = [
        split
        for split, batches in layout.batches.items()
        if split not in splits and all(files.exists(prefix + batch) for batch in batches)
    ]
    return Arrays(opened, digest.hexdigest(), other_splits=tuple(others))


def _load_split(files: _Files, batches: list[str], layout: Layout, info: DatasetInfo, digest: "hashlib._Hash") -> ArraySplit:
    with storage_errors(Path(tempfile.gettempdir())), tempfile.TemporaryFile(prefix="ganmill-") as images:
        labels = np.concatenate([_copy_images(files, name, layout, info, images, digest) for name in batches])
        images.flush()
        digest.update(labels.tobytes())
        # The map stays valid after the temporary file is closed, and its disk space is freed with it.
        return ArraySplit(np.memmap(images, np.uint8, "r", shape=(len(labels), SIDE, SIDE, 3)), labels)


def _copy_images(
    files: _Files, name: str, layout: Layout, info: DatasetInfo, target: IO[bytes], digest: "hashlib._Hash"
) -> NDArray[np.int64]:
    """Append the images of a batch to a file, and return their labels."""
    where = files.locate(name)
    planes, numbers = _parse(files, name, layout.parse, info)
    if planes.shape != (len(numbers), PIXELS) or not numbers:
        raise DataError(f"{where}: pixels of shape {planes.shape} with {len(numbers)} labels; {_AGAIN}")
    labels = np.array(numbers, np.int64)
    check_labels(labels, len(info.class_names), where)
    images = planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1).tobytes()
    target.write(images)
    digest.update(images)
    return labels


def _parse(files: _Files, name: str, parse: Callable[[bytes], _T], info: DatasetInfo) -> _T:
    where = files.locate(name)
    if not files.exists(name):
        raise DataError(f"{where}: missing; {_AGAIN}")
    if files.size(name) > _MAX_FILE[info.name]:
        raise DataError(f"{where}: {files.size(name)} bytes, no file of {_title(info)} has that many; {_AGAIN}")
    content = files.read(name)
    try:
        return parse(content)
    except ValueError as error:
        raise DataError(f"{where}: not of {_title(info)}, cut off, or damaged ({error}); {_AGAIN}") from error
