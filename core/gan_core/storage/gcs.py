"""A folder in a Google Cloud Storage bucket."""

import base64
import errno
import io
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, cast

from gan_core.errors import StorageError, UnusableInputError
from gan_core.storage.folder import Entry, Folder
from gan_core.storage.gcs_client import CONNECTIONS, answer_date, call, client, cloud_errors, retry
from gan_core.storage.gcs_upload import Upload
from gan_core.storage.local import storage_errors

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from google.cloud.storage import Blob, Bucket

_LISTED = "items(name,size,generation,crc32c),nextPageToken"
_READ_AHEAD = 1 << 20
_TOKEN = "ganmill-write"


class CloudFolder(Folder):
    """A prefix in a Google Cloud Storage bucket. Objects appear whole; transfers are checked by crc32c.

    What is written replaces the generation that was there when the writing began, or fails: two programs cannot
    overwrite each other's work unnoticed. Two that write the same bytes do not disturb each other.
    """

    def __init__(self, uri: str) -> None:
        path = uri.removeprefix("gs://").rstrip("/")
        self.uri = f"gs://{path}"
        bucket, _, prefix = path.partition("/")
        if not bucket:
            raise StorageError(f"{uri}: no bucket named; write gs://BUCKET/FOLDER")
        self._bucket_name = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def _bucket(self) -> "Bucket":
        with cloud_errors(self.uri):
            return client().bucket(self._bucket_name)

    def _blob(self, name: str) -> "Blob":
        return self._bucket().blob(self._prefix + name)

    def _find(self, name: str) -> Entry | None:
        bucket = self._bucket()
        blob = call(self.locate(name), lambda: bucket.get_blob(self._prefix + name, retry=None))
        return _entry(name, blob) if blob else None

    def exists(self, name: str) -> bool:
        return self._find(name) is not None

    def entry(self, name: str) -> Entry:
        blob = self._blob(name)
        call(self.locate(name), lambda: blob.reload(retry=None))
        return _entry(name, blob)

    def entries(self, prefix: str = "") -> list[Entry]:
        with cloud_errors(self.uri):
            blobs = self._bucket().list_blobs(prefix=self._prefix + prefix, fields=_LISTED, retry=retry())
            found = [_entry(blob.name.removeprefix(self._prefix), blob) for blob in blobs]
        # Google's console marks an empty folder by an object whose name ends in "/".
        return sorted((entry for entry in found if entry.name and not entry.name.endswith("/")), key=lambda entry: entry.name)

    def first_name(self) -> str | None:
        with cloud_errors(self.uri):
            # The mark of an empty folder, whose name ends in "/", may come before it.
            blobs = self._bucket().list_blobs(prefix=self._prefix, max_results=2, fields=_LISTED, retry=retry())
            names = [blob.name.removeprefix(self._prefix) for blob in blobs]
        return next((name for name in names if name and not name.endswith("/")), None)

    def read(self, name: str, version: str | None = None, limit: int | None = None) -> bytes:
        blob, match = self._blob(name), int(version) if version else None

        def download() -> bytes:
            out = _Limited(limit)
            blob.download_to_file(out, if_generation_match=match, checksum="crc32c", retry=None)
            return out.getvalue()

        return call(self.locate(name), download)

    def read_range(self, name: str, start: int, size: int, version: str | None = None) -> bytes:
        from google.api_core.exceptions import RequestRangeNotSatisfiable

        blob, match = self._blob(name), int(version) if version else None

        def download() -> bytes:
            try:
                # The storage knows the checksum of the whole object only.
                return bytes(
                    blob.download_as_bytes(
                        start=start,
                        end=start + size - 1,
                        if_generation_match=match,
                        raw_download=True,
                        checksum=None,
                        retry=None,
                    )
                )
            except RequestRangeNotSatisfiable:
                return b""

        return call(self.locate(name), download) if size else b""

    def open_binary(self, name: str) -> IO[bytes]:
        return io.BufferedReader(_RangeFile(self, self.entry(name)), _READ_AHEAD)

    def write(self, name: str, content: bytes) -> None:
        with self.create(name) as out:
            out.write(content)

    def write_new(self, name: str, content: bytes) -> bool:
        if self.exists(name):
            return False
        blob, token = self._blob(name), uuid.uuid4().hex
        # If the answer to the first request is lost, its repetition finds the object there; the token shows who wrote it.
        blob.metadata = {_TOKEN: token}
        out = Upload(blob, self.locate(name), 0)
        out.write(content)
        if out.complete():
            return True
        call(self.locate(name), lambda: blob.reload(retry=None))
        return (blob.metadata or {}).get(_TOKEN) == token

    def update(self, name: str, change: Callable[[bytes], bytes]) -> None:
        while True:
            found = self._find(name)
            # The version is read before the content, so newer content is never overwritten: its version differs.
            before = self.read(name) if found else b""
            if self.replace(name, change(before), found.version if found else None):
                return

    def replace(self, name: str, content: bytes, version: str | None) -> str | None:
        """Write the named file if it has the given version now, or with None if it does not exist.

        The content must differ from that of every other writer, since a lost answer and a lost race differ in nothing else.

        Returns:
            The new version; None, and nothing is changed, if something else stands there.
        """
        out = Upload(self._blob(name), self.locate(name), int(version or 0))
        out.write(content)
        out.complete()
        now = self._find(name)
        return now.version if now and _holds(now, out) else None

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        before = self._find(name)
        out = Upload(self._blob(name), self.locate(name), int(before.version) if before else 0)
        try:
            yield cast(IO[bytes], out)
            published = out.complete()
        except BaseException:
            out.cancel()
            raise
        if not published:
            self._accept_twin(name, out, before)

    def _accept_twin(self, name: str, out: Upload, before: Entry | None) -> None:
        """Accept that another object was published in our place if it has the same content; raise StorageError otherwise."""
        now = self._find(name)
        if now and _holds(now, out):
            return
        if now == before:
            raise StorageError(f"{self.locate(name)}: the storage broke the upload off; run the same command again")
        raise StorageError(
            f"{self.locate(name)}: another program wrote it at the same time; "
            "see that only one writes here, then run the same command again"
        )

    def seconds_ahead(self) -> float:
        """The seconds by which the storage's clock, in the Date of its answer, is ahead of ours; negative if it is behind."""
        with cloud_errors(self.uri):
            date = answer_date(self._bucket_name)
        if date is None:
            raise StorageError(f"{self.uri}: its answers bear no date, so that the clocks cannot be compared; try it again")
        return date.timestamp() - time.time()

    def remove(self, name: str) -> None:
        entry = self._find(name)
        if entry:
            self.remove_version(entry)

    def remove_all(self, prefix: str) -> None:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(self.remove_version, self.entries(prefix)))

    def remove_version(self, entry: Entry) -> None:
        """Remove a version of a file. Nothing happens if the file has another version by now, or is gone."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        blob = self._blob(entry.name)

        def delete() -> None:
            # The file is gone already, or it is a newer one, which must stay.
            with suppress(NotFound, PreconditionFailed):
                blob.delete(if_generation_match=int(entry.version), retry=None)

        call(self.locate(entry.name), delete)

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        blob, temporary = self._blob(name), Path(tempfile.gettempdir())
        # Keras tells the format of a model by the end of its name.
        suffix = PurePosixPath(name).suffix
        with storage_errors(temporary), tempfile.NamedTemporaryFile(prefix="ganmill-", suffix=suffix) as local:

            def download() -> None:
                local.seek(0)
                local.truncate()
                blob.download_to_file(local, checksum="crc32c", retry=None)
                local.flush()

            call(self.locate(name), download)
            yield Path(local.name)


def _entry(name: str, blob: "Blob") -> Entry:
    return Entry(name, int(blob.size), str(blob.generation), _checksum(blob.crc32c))


def _holds(entry: Entry, upload: Upload) -> bool:
    """Whether the stored file has the size and the checksum of the upload."""
    return (entry.size, entry.checksum) == (upload.size, _checksum(upload.crc32c))


def _checksum(crc32c: str) -> str:
    return f"crc32c:{base64.b64decode(crc32c).hex()}"


class _Limited(io.BytesIO):
    """A buffer in memory that raises UnusableInputError when more than `limit` bytes are written to it."""

    def __init__(self, limit: int | None) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: "WriteableBuffer", /) -> int:
        taken = super().write(data)
        if self._limit is not None and self.tell() > self._limit:
            raise UnusableInputError("storage", "too large", f"more than {self._limit} bytes")
        return taken


class _RangeFile(io.RawIOBase):
    """One generation of an object as a file that is open for reading; each read is a request."""

    def __init__(self, folder: CloudFolder, entry: Entry) -> None:
        self._folder, self._entry, self._position = folder, entry, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._entry.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "a seek before the beginning")
        self._position = base + offset
        return self._position

    def readall(self) -> bytes:
        # The inherited method reads a few kilobytes at a time.
        return self.read(max(0, self._entry.size - self._position)) or b""

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._entry.size - self._position))
        content = self._folder.read_range(self._entry.name, self._position, wanted, self._entry.version)
        view[: len(content)] = content
        self._position += len(content)
        return len(content)
