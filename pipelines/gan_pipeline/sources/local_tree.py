"""A folder on a mounted file system as a file tree."""

import errno
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from gan_core.errors import DataError, UnusableInputError
from gan_core.names import escape_name, unescape_name
from gan_core.storage import open_regular, storage_errors
from gan_core.text import printable
from gan_pipeline.sources.file_tree import MAX_FILE, TreeLabels, is_hidden, tree_signature

_CHUNK = 1 << 20
_UNREADABLE = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP, errno.ENXIO)
_NOT_READABLE = "not readable"

_MOST_VISITS = 100
"""The most ways by which links may lead to one folder. Ten folders that hold links to each other are millions of paths."""

_MOUNTS = Path("/proc/self/mountinfo")
_KERNEL_FILES = frozenset(
    (
        *("bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl", "mqueue"),
        *("proc", "pstore", "securityfs", "sysfs", "tracefs"),
    )
)
"""The file systems of Linux whose files are views of the system: without end, without size, or of effect when read."""


class LocalTree:
    """See FileTree. Links are followed, to wherever they lead, but not in circles, nor into what the kernel shows as files.

    `names` raises DataError where links make a folder appear more than 100 times, or the root is such a view of the kernel.
    """

    parallel_reads = 1
    notes: tuple[str, ...] = ()
    labels: TreeLabels | None = None

    def __init__(self, uri: str, without: str = "") -> None:
        self.uri, self.without = uri, without
        self._root = Path(uri)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        with storage_errors(self._root):
            return tuple(sorted(map(escape_name, self._walk())))

    def _walk(self) -> Iterator[str]:
        return _walk(self._root, self._path(self.without) if self.without else None)

    def _path(self, name: str) -> Path:
        return self._root / unescape_name(name)

    def names(self) -> tuple[str, ...]:
        return self._names

    def folders(self, folder: str) -> frozenset[str]:
        path = self._path(folder)
        with storage_errors(path), os.scandir(path) as items:
            return frozenset(escape_name(item.name) for item in items if item.is_dir() and not is_hidden(item.name))

    def read(self, name: str) -> bytes:
        path = self._path(name)
        with storage_errors(path):
            try:
                with open_regular(path) as file:
                    if os.fstat(file.fileno()).st_size > MAX_FILE:
                        raise UnusableInputError("storage", "too large", f"more than {MAX_FILE} bytes")
                    return file.read()
            except OSError as error:
                if error.errno in _UNREADABLE:
                    raise UnusableInputError("storage", _NOT_READABLE, error.strerror or "") from error
                raise

    @cached_property
    def _checked(self) -> dict[str, tuple[str, str]]:
        """By name: the state of each file and then the checksum of its content."""
        with storage_errors(self._root):
            return {name: (_state(path := self._path(name)), _checksum(path)) for name in self.names()}

    def checksums(self) -> dict[str, str]:
        return {name: checksum for name, (_, checksum) in self._checked.items()}

    def checksum(self, content: bytes) -> str:
        return f"crc32:{zlib.crc32(content):08x}"

    def changed(self) -> list[str]:
        with storage_errors(self._root):
            moved = [name for name, (state, _) in self._checked.items() if _state(self._path(name)) != state]
            return [name for name in moved if _checksum(self._path(name)) != self._checked[name][1]]

    def signature(self) -> str:
        with storage_errors(self._root):
            names = sorted(map(escape_name, self._walk()))
            return tree_signature((name, _size(self._path(name)), "") for name in names)


def _walk(root: Path, without: Path | None) -> Iterator[str]:
    left_out = _identity(without.stat()) if without and without.exists() else None
    kernel, visits = _kernel_devices(), Counter[tuple[int, int]]()
    if root.stat().st_dev in kernel:
        raise DataError(f"{printable(str(root))}: what the system shows of itself, and no images; give a folder of images")
    pending: list[tuple[Path, str, frozenset[tuple[int, int]]]] = [(root, "", frozenset())]
    while pending:
        folder, prefix, above = pending.pop()
        here = _identity(folder.stat())
        if here in above or here == left_out:
            continue  # A link leads back to a folder it lies in, or this is the folder to leave out.
        if here[0] in kernel:
            continue
        visits[here] += 1
        if visits[here] > _MOST_VISITS:
            where = printable(str(folder.resolve()))
            raise DataError(f"{where}: links lead to this folder by more than {_MOST_VISITS} ways; remove some of them")
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


def _kernel_devices() -> frozenset[int]:
    """The device numbers of the mounted file systems that are views of the kernel; empty where the system is not Linux."""
    if not _MOUNTS.exists():
        return frozenset()
    found = set()
    for line in _MOUNTS.read_text(errors="replace").splitlines():
        mount, _, kind = line.partition(" - ")
        if kind.split(" ")[0] in _KERNEL_FILES:
            major, minor = mount.split(" ")[2].split(":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


def _stat(path: Path) -> os.stat_result | None:
    """The state of a file; None if it cannot be read."""
    try:
        return path.stat()
    except OSError as error:
        if error.errno in _UNREADABLE:
            return None
        raise


def _size(path: Path) -> int:
    state = _stat(path)
    return state.st_size if state else -1


def _state(path: Path) -> str:
    """Differs whenever the content of a file may have changed on this machine."""
    state = _stat(path)
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ino}" if state else _NOT_READABLE


def _checksum(path: Path) -> str:
    crc = 0
    try:
        with open_regular(path) as file:
            while chunk := file.read(_CHUNK):
                crc = zlib.crc32(chunk, crc)
    except OSError as error:
        if error.errno in _UNREADABLE:
            return _NOT_READABLE
        raise
    return f"crc32:{crc:08x}"
