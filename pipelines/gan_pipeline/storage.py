"""Folders on a local disk or on gs://, behind one small interface.

    folder = open_folder("gs://bucket/digits")   # or "data/digits"
    folder.write("a.json", b"{}")                # whole or not at all
    with folder.create("big.bin") as out:        # the name appears when the block ends without an error
        out.write(...)

Names are relative to the folder and use "/". All our gs:// access goes through here, by google-cloud-storage:
TensorFlow's own gs:// file system cannot be pointed at an emulator and reports missing rights as endless retries.
"""

import errno
import os
import shutil
import tempfile
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gan_pipeline.errors import StorageError, UsageError

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client

WORK = ".work"
"""Subfolder for what is not committed yet: temporary files and the records of finished parts."""


class Folder(ABC):
    """A folder of named byte objects. Every method raises StorageError when the storage refuses."""

    uri: str

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether the named file is there, complete."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Size of the named file in bytes."""

    @abstractmethod
    def names(self, prefix: str = "") -> list[str]:
        """Sorted names of all files below the folder that start with `prefix`; empty if there is no folder."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The whole content of the named file."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Replace the named file by `content`, atomically and durably."""

    @abstractmethod
    def create(self, name: str) -> "_Create":
        """A context manager that yields a binary file; the name appears only when the block ends well."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove the named file, if it is there."""

    @abstractmethod
    def local_file(self, name: str) -> "_LocalFile":
        """A context manager that yields a local path with the file's content (a download for gs://)."""

    def remove_all(self, prefix: str) -> None:
        """Remove every file whose name starts with `prefix`."""
        for name in self.names(prefix):
            self.remove(name)

    def locate(self, name: str) -> str:
        """The full path or URI of a name, for messages."""
        return f"{self.uri}/{name}" if name else self.uri


if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    _Create = AbstractContextManager[IO[bytes]]
    _LocalFile = AbstractContextManager[Path]


def open_folder(uri: str | os.PathLike[str]) -> Folder:
    """The folder at a local path or a gs:// URI. Nothing is created or contacted yet."""
    text = os.fspath(uri)
    if not text:
        raise UsageError("an empty folder name; write a local path or gs://BUCKET/FOLDER")
    if text.startswith("gs://"):
        return CloudFolder(text)
    if "://" in text:
        raise StorageError(f"{text}: only local paths and gs:// are supported; copy the files to one of those")
    return LocalFolder(text)


_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a StorageError that names the file and what to do; `path` if it names none."""
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
            hint = "a file stands where a folder is needed; choose another path"
        elif isinstance(error, IsADirectoryError):
            hint = "a folder stands where a file is needed; choose another path"
        else:
            hint = f"{error.strerror or error}"
        raise StorageError(f"{error.filename or path}: {hint}") from error


class LocalFolder(Folder):
    """A folder on a mounted file system."""

    def __init__(self, path: str) -> None:
        self.uri = path.rstrip("/") or "/"
        self.path = Path(path)

    def exists(self, name: str) -> bool:
        with storage_errors(self.path / name):
            return (self.path / name).is_file()

    def size(self, name: str) -> int:
        with storage_errors(self.path / name):
            return (self.path / name).stat().st_size

    def names(self, prefix: str = "") -> list[str]:
        with storage_errors(self.path):
            walk = os.walk(self.path, onerror=_raise_unless_missing)
            found = [Path(base, file).relative_to(self.path).as_posix() for base, _, files in walk for file in files]
        return sorted(name for name in found if name.startswith(prefix))

    def read(self, name: str) -> bytes:
        with storage_errors(self.path / name):
            return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        with self.create(name) as out:
            out.write(content)

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        target = self.path / name
        temporary = self.path / WORK / f"{uuid.uuid4().hex}.tmp"
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with _open_in_new_folder(temporary) as out:
                    yield out
                    out.flush()
                    os.fsync(out.fileno())
                temporary.replace(target)
                _sync_directory(target.parent)
            finally:
                temporary.unlink(missing_ok=True)
                _remove_if_empty(temporary.parent)

    def remove(self, name: str) -> None:
        with storage_errors(self.path / name):
            (self.path / name).unlink(missing_ok=True)

    def remove_all(self, prefix: str) -> None:
        if prefix.endswith("/"):
            with storage_errors(self.path / prefix):
                shutil.rmtree(self.path / prefix, ignore_errors=False, onerror=_ignore_missing)
        else:
            super().remove_all(prefix)

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        if not self.exists(name):
            raise StorageError(f"{self.path / name}: not found; check the path")
        yield self.path / name


def _sync_directory(path: Path) -> None:
    """Make a rename durable: without this a power cut may forget it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raise_unless_missing(error: OSError) -> None:
    """os.walk's error hook: a folder that is not there, or no longer, has no files."""
    if not isinstance(error, FileNotFoundError):
        raise error


_work_folder = threading.Lock()
"""Held while a work folder is made and gets its file, or is removed: another thread must not do one amid the other."""


def _open_in_new_folder(path: Path) -> IO[bytes]:
    with _work_folder:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "wb", buffering=1 << 20)


def _remove_if_empty(path: Path) -> None:
    """Leave no empty work folder behind; one in use holds other files and stays."""
    with _work_folder, suppress(OSError):
        path.rmdir()


def _ignore_missing(function: Any, path: str, error: Any) -> None:
    """rmtree's error hook: a file that is already gone is what we wanted."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


@cache
def _client() -> "Client":
    from google.cloud import storage

    emulated = "STORAGE_EMULATOR_HOST" in os.environ
    return storage.Client(project="emulator") if emulated else storage.Client()


@contextmanager
def _cloud_errors(uri: str) -> Iterator[None]:
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except exceptions.NotFound as error:
        raise StorageError(f"{uri}: not found; check the bucket and the path") from error
    except (exceptions.Forbidden, exceptions.Unauthorized) as error:
        raise StorageError(
            f"{uri}: no rights; grant this account roles/storage.objectUser on the bucket ({error.message})"
        ) from error
    except GoogleAuthError as error:
        raise StorageError(
            f"{uri}: no Google credentials; run 'gcloud auth application-default login' or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from error
    except (exceptions.GoogleAPIError, RequestException) as error:
        raise StorageError(f"{uri}: the storage did not answer ({error}); run the same command again") from error


class CloudFolder(Folder):
    """A prefix in a Google Cloud Storage bucket. Objects appear whole; transfers are checked by crc32c."""

    def __init__(self, uri: str) -> None:
        path = uri.removeprefix("gs://").rstrip("/")
        self.uri = f"gs://{path}"
        bucket, _, prefix = path.partition("/")
        if not bucket:
            raise StorageError(f"{uri}: no bucket named; write gs://BUCKET/FOLDER")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def _blob(self, name: str) -> "Blob":
        return _client().bucket(self._bucket).blob(self._prefix + name)

    def exists(self, name: str) -> bool:
        with _cloud_errors(self.locate(name)):
            return bool(self._blob(name).exists())

    def size(self, name: str) -> int:
        with _cloud_errors(self.locate(name)):
            blob = self._blob(name)
            blob.reload()
            return int(blob.size)

    def names(self, prefix: str = "") -> list[str]:
        with _cloud_errors(self.uri):
            blobs = _client().list_blobs(self._bucket, prefix=self._prefix + prefix)
            return sorted(blob.name.removeprefix(self._prefix) for blob in blobs)

    def read(self, name: str) -> bytes:
        with _cloud_errors(self.locate(name)):
            return bytes(self._blob(name).download_as_bytes(checksum="crc32c"))

    def write(self, name: str, content: bytes) -> None:
        with _cloud_errors(self.locate(name)):
            self._blob(name).upload_from_string(content, content_type="application/octet-stream", checksum="crc32c")

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        with storage_errors(Path(tempfile.gettempdir())), tempfile.TemporaryFile() as out:
            yield out
            out.flush()
            with _cloud_errors(self.locate(name)):
                self._blob(name).upload_from_file(out, rewind=True, checksum="crc32c")

    def remove(self, name: str) -> None:
        with _cloud_errors(self.locate(name)):
            blob = self._blob(name)
            if blob.exists():
                blob.delete()

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        with storage_errors(Path(tempfile.gettempdir())), tempfile.NamedTemporaryFile(prefix="ganmill-") as local:
            with _cloud_errors(self.locate(name)):
                self._blob(name).download_to_file(local, checksum="crc32c")
            local.flush()
            yield Path(local.name)
