"""Raw image files wherever they lie, read without unpacking them: a folder, a .zip, a gs:// prefix, a .zip on gs://.

tree = open_tree("img_align_celeba.zip")
image = tree.read(tree.names()[0])
"""

import errno
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Protocol

from gan_core.errors import DataError, StorageError, UnusableInputError
from gan_core.storage import Entry, Folder, open_folder, storage_errors
from gan_core.storage.gcs_client import CONNECTIONS
from gan_pipeline.sources.zip_tree import MAX_FILE, ZipTree, is_hidden

_CHUNK = 1 << 20
_WEB_PAGE = (b"<!doctype html", b"<html")
_OTHER_ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!")
_TAR_NAMES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
_UNREADABLE = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP)


class FileTree(Protocol):
    """Files by name. It stays with the process that opened it; any of its threads may read.

    Attributes:
        uri: where it lies, as the user gave it.
        parallel_reads: how many threads reading at once pay.
        without: a folder in it, relative and with "/" at its end, that counts as absent; empty if there is none.
    """

    @property
    def uri(self) -> str: ...

    @property
    def parallel_reads(self) -> int: ...

    @property
    def without(self) -> str: ...

    def names(self) -> tuple[str, ...]:
        """Sorted names, relative and with "/", of all files but hidden ones and what macOS and Windows leave behind.

        Raises StorageError if a part cannot be listed.
        """
        ...

    def read(self, name: str) -> bytes:
        """The content of one file.

        Raises:
            UnusableInputError: stage "storage"; reason "corrupt or cut off", "too large" or "not readable".
            StorageError: the storage refused, or the archive has changed since it was opened.
        """
        ...

    def checksums(self) -> dict[str, str]:
        """A checksum of each file's content by name: of a zip and of a folder alike, of a gs:// prefix another kind.

        Raises StorageError.
        """
        ...

    def signature(self) -> str:
        """Hex digest of what the storage says now of every file: another one if anything has changed. Cheap to ask.

        Raises StorageError.
        """
        ...


def open_tree(uri: str, out: str = "") -> FileTree:
    """The files at a local path or a gs:// URI, be it a folder or a .zip.

    Args:
        uri: where they lie.
        out: a folder that the caller writes into. If it lies below `uri`, what is in it is none of these files.

    Raises:
        StorageError: nothing is there, or it may not be read. A gs:// prefix is not looked at before `names`.
        DataError: it is an archive that is damaged, not to be trusted or of another kind; the message says which.
        UsageError: the name is empty.
    """
    if not uri.startswith("gs://"):
        folder, path = open_folder(uri), Path(uri)
        if path.is_dir():
            return _LocalTree(folder.uri, _below(path, out))
        if not path.is_file():
            raise StorageError(f"{uri}: not found; check the path")
        return _open_archive(uri, open_folder(path.parent), path.name, 1)
    folder = open_folder(uri)
    parent, _, name = folder.uri.rpartition("/")
    if parent != "gs:/" and open_folder(parent).exists(name):
        return _open_archive(uri, open_folder(parent), name, CONNECTIONS)
    return _CloudTree(folder, f"{out.rstrip('/')}/".removeprefix(above) if out.startswith(above := f"{folder.uri}/") else "")


def _below(folder: Path, out: str) -> str:
    """The path of the folder `out` relative to `folder`, with "/" at its end; empty if it does not lie below it."""
    if not out or out.startswith("gs://"):
        return ""
    inner, outer = Path(out).resolve(), folder.resolve()
    return f"{inner.relative_to(outer).as_posix()}/" if outer in inner.parents else ""


def _open_archive(uri: str, folder: Folder, name: str, parallel_reads: int) -> ZipTree:
    head = folder.read_range(name, 0, 512)
    if head.lstrip().lower().startswith(_WEB_PAGE):
        raise DataError(
            f"{uri}: a web page, not the archive: the download was refused (Google Drive does so over its quota); fetch it "
            "again in a browser, from Kaggle (CelebA is jessicali9530/celeba-dataset), or copy it from a bucket"
        )
    is_zip = head.startswith(b"PK")
    tar_like = head.startswith(_OTHER_ARCHIVES) or head[257:262] == b"ustar" or name.lower().endswith(_TAR_NAMES)
    if tar_like and not is_zip:
        raise DataError(
            f"{uri}: an archive of this kind cannot be read file by file; "
            "unpack it and give the folder, or pack its images into a .zip"
        )
    if not is_zip and not name.lower().endswith(".zip"):
        raise DataError(f"{uri}: neither a folder nor a .zip of images")
    return ZipTree(uri, folder, name, parallel_reads)


def _signature(states: Iterable[tuple[str, int, str]]) -> str:
    digest = hashlib.sha256()
    for name, size, version in states:
        digest.update(f"{name}\0{size}\0{version}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


class _LocalTree:
    """A folder on a mounted file system. Links are followed, to wherever they lead."""

    parallel_reads = 1

    def __init__(self, uri: str, without: str) -> None:
        self.uri, self.without = uri, without
        self._root = Path(uri)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        with storage_errors(self._root):
            return tuple(sorted(self._walk()))

    def _walk(self) -> Iterator[str]:
        return _walk(self._root, self._root / self.without if self.without else None)

    def names(self) -> tuple[str, ...]:
        return self._names

    def read(self, name: str) -> bytes:
        path = self._root / name
        with storage_errors(path):
            try:
                with open(path, "rb") as file:
                    if os.fstat(file.fileno()).st_size > MAX_FILE:
                        raise UnusableInputError("storage", "too large", f"more than {MAX_FILE} bytes")
                    return file.read()
            except OSError as error:
                if error.errno in _UNREADABLE:
                    raise UnusableInputError("storage", "not readable", error.strerror or "") from error
                raise

    def checksums(self) -> dict[str, str]:
        with storage_errors(self._root):
            return {name: _checksum(self._root / name) for name in self.names()}

    def signature(self) -> str:
        with storage_errors(self._root):
            return _signature((name, *_state(self._root / name)) for name in sorted(self._walk()))


def _walk(root: Path, without: Path | None) -> Iterator[str]:
    left_out = _identity(without.stat()) if without and without.exists() else None
    pending: list[tuple[Path, str, frozenset[tuple[int, int]]]] = [(root, "", frozenset())]
    while pending:
        folder, prefix, above = pending.pop()
        here = _identity(folder.stat())
        if here in above or here == left_out:
            continue  # A link leads back to a folder it lies in, or this is the folder to leave out.
        with os.scandir(folder) as items:
            for item in items:
                if is_hidden(item.name):
                    continue
                path = Path(item.path)
                if item.is_dir(follow_symlinks=False) or (item.is_symlink() and path.is_dir()):
                    pending.append((path, f"{prefix}{item.name}/", above | {here}))
                # A link to nothing is listed, so that its absence is counted.
                elif item.is_file(follow_symlinks=False) or (item.is_symlink() and (path.is_file() or not path.exists())):
                    yield prefix + item.name


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


def _state(path: Path) -> tuple[int, str]:
    try:
        state = path.stat()
    except OSError as error:
        if error.errno in _UNREADABLE:
            return 0, "not readable"
        raise
    return state.st_size, str(state.st_mtime_ns)


def _checksum(path: Path) -> str:
    crc = 0
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                crc = zlib.crc32(chunk, crc)
    except OSError as error:
        if error.errno in _UNREADABLE:
            return "not readable"
        raise
    return f"crc32:{crc:08x}"


class _CloudTree:
    """A prefix in a bucket."""

    parallel_reads = CONNECTIONS

    def __init__(self, folder: Folder, without: str) -> None:
        self.uri, self.without = folder.uri, without
        self._folder = folder

    @cached_property
    def _entries(self) -> list[Entry]:
        return self._list()

    def _list(self) -> list[Entry]:
        entries = self._folder.entries()
        if not entries:
            raise StorageError(f"{self.uri}: not found, or empty; check the bucket and the path")
        outside = [entry for entry in entries if not (self.without and entry.name.startswith(self.without))]
        return [entry for entry in outside if not is_hidden(entry.name)]

    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self._entries)

    def read(self, name: str) -> bytes:
        return self._folder.read(name, limit=MAX_FILE)

    def checksums(self) -> dict[str, str]:
        return {entry.name: str(entry.checksum) for entry in self._entries}

    def signature(self) -> str:
        return _signature((entry.name, entry.size, entry.version) for entry in self._list())
