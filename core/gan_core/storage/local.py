"""A folder on a mounted file system."""

import errno
import fcntl
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from gan_core.errors import StorageError, UnusableInputError
from gan_core.ownership import is_abandoned, own_name
from gan_core.storage.folder import WORK, Entry, Folder

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
_TEMPORARY = ".tmp"
_ATTEMPTS = 100
"""How often a work folder is created anew for a file, while other processes that are done with it remove it."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a StorageError that names its file, or else `path`, and says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            hint = "no space left; free some (what is committed is kept) and run the same command again"
        elif isinstance(error, FileNotFoundError):
            hint = "not found; check the path"
        elif isinstance(error, PermissionError):
            hint = "permission denied; check the owner and mode, or choose another folder"
        elif isinstance(error, (NotADirectoryError, FileExistsError)):
            hint = "there is a file where a folder is needed; choose another path"
        elif isinstance(error, IsADirectoryError):
            hint = "there is a folder where a file is needed; choose another path"
        elif error.errno == errno.ENXIO:
            hint = "a pipe, socket or device, not a file; choose another path"
        else:
            hint = f"{error.strerror or error}"
        raise StorageError(f"{error.filename or path}: {hint}") from error


def open_regular(path: str | os.PathLike[str], buffering: int = -1) -> IO[bytes]:
    """Open a file to read its bytes. It neither waits for the other end of a pipe nor reads a device.

    Raises OSError if there is no such file, or something else than a file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), os.fspath(path))
    return open(descriptor, "rb", buffering=buffering)


class LocalFolder(Folder):
    """A folder on a mounted file system."""

    def __init__(self, path: str) -> None:
        self.uri = path.rstrip("/") or "/"
        self.path = Path(path)

    def exists(self, name: str) -> bool:
        with storage_errors(self.path / name):
            return (self.path / name).is_file()

    def entry(self, name: str) -> Entry:
        with storage_errors(self.path / name):
            state = (self.path / name).stat()
            if stat.S_ISDIR(state.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path / name))
        return _entry(name, state)

    def entries(self, prefix: str = "") -> list[Entry]:
        found = []
        for name in self.names(prefix):
            # Another process may have removed it since it was listed.
            with storage_errors(self.path / name), suppress(FileNotFoundError):
                found.append(_entry(name, (self.path / name).stat()))
        return found

    def names(self, prefix: str = "") -> list[str]:
        with storage_errors(self.path):
            walk = os.walk(self.path, onerror=_raise_unless_missing)
            found = [Path(base, file).relative_to(self.path).as_posix() for base, _, files in walk for file in files]
        return sorted(name for name in found if name.startswith(prefix))

    def first_name(self) -> str | None:
        with storage_errors(self.path):
            for base, _, files in os.walk(self.path, onerror=_raise_unless_missing):
                if files:
                    return (Path(base) / min(files)).relative_to(self.path).as_posix()
        return None

    def read(self, name: str, version: str | None = None, limit: int | None = None) -> bytes:
        path = self.path / name
        with storage_errors(path), open_regular(path) as file:
            _check_version(file, path, version)
            if limit is not None and os.fstat(file.fileno()).st_size > limit:
                raise UnusableInputError("storage", "too large", f"more than {limit} bytes")
            content = file.read()
            _check_version(file, path, version)
        return content

    def read_range(self, name: str, start: int, size: int, version: str | None = None) -> bytes:
        path = self.path / name
        with storage_errors(path), open_regular(path, buffering=0) as file:
            file.seek(start)
            content = b""
            while len(content) < size and (more := file.read(size - len(content))):
                content += more
            _check_version(file, path, version)
        return content

    def open_binary(self, name: str) -> IO[bytes]:
        with storage_errors(self.path / name):
            return open_regular(self.path / name)

    def write(self, name: str, content: bytes) -> None:
        with self.create(name) as out:
            out.write(content)

    def write_new(self, name: str, content: bytes) -> bool:
        target = self.path / name
        with storage_errors(target), self._temporary_file(target) as (out, temporary):
            out.write(content)
            _sync(out)
            created = _link(temporary, target)
            _sync_directory(target.parent)
            return created

    def update(self, name: str, change: Callable[[bytes], bytes]) -> None:
        target, lock = self.path / name, self.path / WORK / "update.lock"
        with storage_errors(target), _open_in_new_folder(lock) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.write(name, change(self.read(name) if self.exists(name) else b""))

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        target = self.path / name
        with storage_errors(target), self._temporary_file(target) as (out, temporary):
            yield out
            _sync(out)
            temporary.replace(target)
            _sync_directory(target.parent)

    def appended(self, prefix: str) -> None:
        """Report that files whose names start with `prefix` were appended to. Folders with a copy elsewhere override this."""

    @contextmanager
    def _temporary_file(self, target: Path) -> Iterator[tuple[IO[bytes], Path]]:
        """A new file in the work folder, to be renamed to `target` by the block, and removed after it otherwise."""
        temporary = self.path / WORK / f"{own_name()}{_TEMPORARY}"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with _open_in_new_folder(temporary) as out:
                yield out, temporary
        finally:
            temporary.unlink(missing_ok=True)
            _remove_if_empty(temporary.parent)

    def remove_abandoned(self) -> None:
        """Remove the temporary files of processes that have ended; those of others are being written and stay."""
        for name in self.names(f"{WORK}/"):
            path = self.path / name
            # Its process may finish it since it was listed.
            with storage_errors(path), suppress(FileNotFoundError):
                if path.suffix == _TEMPORARY and is_abandoned(path):
                    path.unlink()

    def remove(self, name: str) -> None:
        with storage_errors(self.path / name):
            (self.path / name).unlink(missing_ok=True)

    def remove_all(self, prefix: str) -> None:
        if prefix.endswith("/"):
            with storage_errors(self.path / prefix):
                shutil.rmtree(self.path / prefix, ignore_errors=False, onerror=_ignore_missing)
        else:
            for name in self.names(prefix):
                self.remove(name)

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        if not self.exists(name):
            raise StorageError(f"{self.path / name}: not found; check the path")
        yield self.path / name


def _entry(name: str, state: os.stat_result) -> Entry:
    return Entry(name, state.st_size, _version(state), None)


def _version(state: os.stat_result) -> str:
    return f"{state.st_mtime_ns}-{state.st_size}"


def _check_version(file: IO[bytes], path: Path, version: str | None) -> None:
    if version is not None and _version(os.fstat(file.fileno())) != version:
        raise StorageError(f"{path}: changed while it was read; start the command again")


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    """Make a rename in the folder durable; without this it may be undone by a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(temporary: Path, target: Path) -> bool:
    """Give a finished file its name. Returns False, and changes nothing, if the name is taken."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Without hard links (exFAT, some network mounts) this is not atomic: two writers at the same instant may both succeed.
        if target.exists():
            return False
        temporary.rename(target)
    return True


def _raise_unless_missing(error: OSError) -> None:
    """The error hook of os.walk: a folder that does not exist, or no longer, counts as empty."""
    if not isinstance(error, FileNotFoundError):
        raise error


_work_folder = threading.Lock()
"""Held while a work folder is created together with a file in it, or removed, since threads share these folders."""


def _open_in_new_folder(path: Path) -> IO[bytes]:
    for _ in range(_ATTEMPTS):
        # Another process may remove the folder, which is empty, before the file is in it: then both are created anew.
        with _work_folder, suppress(FileNotFoundError, FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True)
            return open(path, "wb", buffering=1 << 20)
    path.parent.mkdir(parents=True, exist_ok=True)
    return open(path, "wb", buffering=1 << 20)


def _remove_if_empty(path: Path) -> None:
    """Remove the work folder if it is empty; a folder in use by another writer holds files and stays."""
    with _work_folder, suppress(OSError):
        path.rmdir()


def _ignore_missing(function: Any, path: str, error: Any) -> None:
    """The error hook of shutil.rmtree, which ignores that a file is already gone."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
