"""The upload of one object to Google Cloud Storage: streamed, continued after a broken connection, checked by crc32c.

The resumable upload protocol is spoken here, because google-cloud-storage's own file object gives up when the storage
takes only a part of a chunk. https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

import base64
import io
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import google_crc32c

from gan_core.errors import StorageError
from gan_core.storage.gcs_client import cloud_errors, retry

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from google.cloud.storage import Blob
    from requests import Response, Session

CHUNK = 8 << 20
"""Bytes of a request, and about the bytes held in memory; a smaller object is sent in one request."""

_QUANTUM = 256 << 10
"""Chunks before the last one are multiples of this many bytes, as the protocol demands."""

_CONTENT_TYPE = "application/octet-stream"
_REQUEST_SECONDS = 60
_CANCEL_SECONDS = 5


class _SessionLostError(Exception):
    """The storage no longer knows the upload session: it expired, or it was completed and the answer was lost."""


class Upload(io.BufferedIOBase):
    """A file open for writing, which appears in the bucket at `complete` and leaves nothing behind after `cancel`."""

    def __init__(self, blob: "Blob", uri: str, generation: int) -> None:
        """`generation` is the version to replace, 0 for none. The object is not published if the bucket holds another one."""
        self.size = 0
        self._crc = 0
        self._blob, self._uri, self._replaces = blob, uri, generation
        self._http: Session | None = None
        self._session = ""
        self._pending = bytearray()
        self._held = 0
        self._unsure = False
        self._overtaken = False
        self._stored: dict[str, Any] | None = None

    @property
    def crc32c(self) -> str:
        """The crc32c of the bytes written so far, in base64 as in Google's API."""
        return base64.b64encode(self._crc.to_bytes(4, "big")).decode()

    def writable(self) -> bool:
        """Whether the file can be written: always."""
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        """Take bytes and send every full chunk. Raises StorageError."""
        if self.closed:
            raise ValueError("write to a closed file")
        content = bytes(data)
        self._crc = google_crc32c.extend(self._crc, content)
        self.size += len(content)
        for start in range(0, len(content), CHUNK):
            self._pending += content[start : start + CHUNK]
            while len(self._pending) > CHUNK and not self._overtaken:
                self._send(None)
            if self._overtaken:
                self._pending.clear()
        return len(content)

    def complete(self) -> bool:
        """Publish the object. False if the bucket holds another generation, which may be this object if an answer was lost.

        Raises:
            StorageError: the storage refused, or holds other bytes than were written; those are removed again.
        """
        from google.api_core.exceptions import NotFound, PreconditionFailed

        self.close()
        while not self._stored and not self._overtaken:
            if self._session:
                self._send(self.size)
            else:
                self._send_whole()
        if self._http:
            self._http.close()
        if not self._stored:
            return False
        if (self._stored["crc32c"], int(self._stored["size"])) != (self.crc32c, self.size):
            with cloud_errors(self._uri), suppress(NotFound, PreconditionFailed):
                retry()(self._blob.delete)(if_generation_match=int(self._stored["generation"]), retry=None)
            raise StorageError(f"{self._uri}: damaged on the way, its checksum differs; run the same command again")
        return True

    def cancel(self) -> None:
        """Abandon the upload. The storage drops a session that cannot be cancelled now after a week."""
        from requests.exceptions import RequestException

        self.close()
        if self._http:
            with suppress(RequestException):
                self._http.delete(self._session, timeout=_CANCEL_SECONDS)
            self._http.close()

    def _send_whole(self) -> None:
        from google.api_core.exceptions import PreconditionFailed

        with cloud_errors(self._uri):
            try:
                retry()(self._blob.upload_from_string)(
                    bytes(self._pending), _CONTENT_TYPE, checksum="crc32c", if_generation_match=self._replaces, retry=None
                )
            except PreconditionFailed:
                self._overtaken = True
                return
        blob = self._blob
        self._stored = {"crc32c": blob.crc32c, "size": blob.size, "generation": blob.generation}

    def _send(self, total: int | None) -> None:
        """Send the next chunk; `total` is the size of the object when it is the last one."""
        from google.api_core.exceptions import PreconditionFailed

        with cloud_errors(self._uri):
            try:
                if not self._session:
                    self._begin()
                retry()(self._attempt)(total)
            except (PreconditionFailed, _SessionLostError):
                self._overtaken = True

    def _begin(self) -> None:
        import requests

        self._session = retry()(self._blob.create_resumable_upload_session)(
            _CONTENT_TYPE, checksum=None, if_generation_match=self._replaces, retry=None
        )
        # The URL of the session grants the right to write, so no credentials are sent.
        self._http = requests.Session()

    def _attempt(self, total: int | None) -> None:
        from google.api_core.exceptions import ServiceUnavailable

        if self._unsure:
            self._note(self._put(b"", "*", total))
        if self._stored or (total is None and len(self._pending) <= CHUNK):
            return
        before, body = self._held, bytes(self._pending[:CHUNK])
        self._note(self._put(body, f"{before}-{before + len(body) - 1}" if body else "*", total))
        if not self._stored and self._held == before:
            raise ServiceUnavailable("nothing of a chunk was taken")

    def _put(self, body: bytes, span: str, total: int | None) -> "Response":
        from google.api_core.exceptions import from_http_response

        assert self._http
        headers = {"Content-Range": f"bytes {span}/{'*' if total is None else total}"}
        if total is not None:
            headers["X-Goog-Hash"] = f"crc32c={self.crc32c}"
        self._unsure = True
        response = self._http.put(self._session, data=body, headers=headers, timeout=_REQUEST_SECONDS, allow_redirects=False)
        if response.status_code in (404, 410):
            raise _SessionLostError
        if response.status_code not in (200, 201, 308):
            raise from_http_response(response)
        self._unsure = False
        return response

    def _note(self, response: "Response") -> None:
        """Update the number of bytes that the storage holds from its answer; it may hold fewer than were sent."""
        if response.status_code != 308:
            self._stored = response.json()
            return
        span = re.fullmatch(r"bytes=0-(\d+)", response.headers.get("Range", ""))
        # The storage keeps whole quanta only before the last request. (gcp-storage-emulator reports 0-0 if it holds nothing.)
        held = (int(span[1]) + 1) // _QUANTUM * _QUANTUM if span else 0
        if held < self._held:
            raise _SessionLostError
        del self._pending[: held - self._held]
        self._held = held
