"""Google Cloud Storage as far as we use it, on this machine, with faults on order; and an emulator that can be killed.

gcp-storage-emulator knows no preconditions and is never out of order; FakeStorage does as Google documents it:
generations, ifGenerationMatch, resumable uploads that take only a part, hashes, ranges, pages.
"""

import base64
import itertools
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

BUCKET = "bucket"
_QUANTUM = 256 << 10


def crc32c(content: bytes) -> str:
    return base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()


@dataclass
class Stored:
    """An object."""

    name: str
    content: bytes
    generation: int
    metadata: dict[str, str]

    def resource(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "bucket": BUCKET,
            "size": str(len(self.content)),
            "generation": str(self.generation),
            "crc32c": crc32c(self.content),
            "metadata": self.metadata,
        }


@dataclass
class Session:
    """A resumable upload."""

    name: str
    match: str | None
    metadata: dict[str, str]
    content: bytearray = field(default_factory=bytearray)
    stored: Stored | None = None


@dataclass
class Request:
    """One request, as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]

    @property
    def kind(self) -> str:
        if self.path.startswith("/upload/"):
            return f"{self.method} chunk" if "upload_id" in self.query else f"{self.method} {self.query['uploadType']}"
        if self.query.get("alt") == "media":
            return "GET media"
        return f"{self.method} list" if self.path.endswith("/o") else f"{self.method} object"


Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""

Fault = Callable[[Request, Callable[[Request], Answer]], Answer | None]
"""Gets the request and what would serve it; None closes the connection without an answer."""


class FakeStorage:
    """The server. `faults` are met by the next requests, one each; None lets one pass."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.objects: dict[str, Stored] = {}
        self.sessions: dict[str, Session] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault | None] = []
        self.always: Fault | None = None
        self.page = 1000
        self.largest_take = 1 << 40
        self._number = itertools.count(1)
        self._lock = threading.Lock()

    def put(self, name: str, content: bytes, metadata: dict[str, str] | None = None) -> Stored:
        stored = Stored(name, content, next(self._number), metadata or {})
        self.objects[name] = stored
        return stored

    def handle(self, request: Request) -> Answer | None:
        with self._lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else self.always
            return fault(request, self.serve) if fault else self.serve(request)

    def serve(self, request: Request) -> Answer:
        bucket, _, rest = request.path.partition("/b/")[2].partition("/o")
        if bucket != BUCKET:
            return refusal(404, "The specified bucket does not exist.")
        if request.path.startswith("/upload/"):
            return self._upload(request)
        if not rest:
            return self._list(request.query)
        name = unquote(rest.removeprefix("/"))
        stored = self.objects.get(name)
        if not self._matches(name, request.query.get("ifGenerationMatch")):
            return refusal(412, "At least one of the pre-conditions you specified did not hold.")
        if not stored:
            return refusal(404, f"No such object: {BUCKET}/{name}")
        if request.method == "DELETE":
            del self.objects[name]
            return 204, {}, b""
        if request.query.get("alt") == "media":
            return _media(stored, request.headers.get("range"))
        return ok(stored.resource())

    def _matches(self, name: str, generation: str | None) -> bool:
        stored = self.objects.get(name)
        return generation is None or int(generation) == (stored.generation if stored else 0)

    def _list(self, query: dict[str, str]) -> Answer:
        names = sorted(name for name in self.objects if name.startswith(query.get("prefix", "")))
        start = int(query.get("pageToken", "0"))
        content: dict[str, Any] = {"items": [self.objects[name].resource() for name in names[start : start + self.page]]}
        if start + self.page < len(names):
            content["nextPageToken"] = str(start + self.page)
        return ok(content)

    def _upload(self, request: Request) -> Answer:
        query = request.query
        if "upload_id" in query:
            return self._continue(request, self.sessions.get(query["upload_id"]))
        if query["uploadType"] == "multipart":
            kind = request.headers["content-type"].encode()
            parts: Any = BytesParser().parsebytes(b"Content-Type: " + kind + b"\r\n\r\n" + request.body).get_payload()
            meta = json.loads(parts[0].get_payload())
            boundary = re.search(rb'boundary="?([^";]+)', kind)
            assert boundary
            raw = request.body.split(b"--" + boundary[1])[2].partition(b"\r\n\r\n")[2][:-2]
            if meta["crc32c"] != crc32c(raw):
                return refusal(400, f'Provided CRC32C "{meta["crc32c"]}" doesn\'t match calculated CRC32C.')
            if not self._matches(meta["name"], query.get("ifGenerationMatch")):
                return refusal(412, "At least one of the pre-conditions you specified did not hold.")
            return ok(self.put(meta["name"], raw, meta.get("metadata")).resource())
        meta = json.loads(request.body)
        if not self._matches(meta["name"], query.get("ifGenerationMatch")):
            return refusal(412, "At least one of the pre-conditions you specified did not hold.")
        number = f"session{next(self._number)}"
        self.sessions[number] = Session(meta["name"], query.get("ifGenerationMatch"), meta.get("metadata", {}))
        return 200, {"Location": f"{self.url}{request.path}?uploadType=resumable&upload_id={number}"}, b""

    def _continue(self, request: Request, session: Session | None) -> Answer:
        if session is None:
            return refusal(404, "No such upload session.")
        if request.method == "DELETE":
            del self.sessions[request.query["upload_id"]]
            return 499, {}, b""
        if session.stored:
            return ok(session.stored.resource())
        span = re.fullmatch(r"bytes (?:\*|(\d+)-\d+)/(?:\*|(\d+))", request.headers["content-range"])
        assert span
        if span[1]:
            start = int(span[1])
            if start > len(session.content):
                return refusal(400, "A hole in the upload.")
            session.content += request.body[len(session.content) - start :][: self.largest_take]
        if not span[2] or len(session.content) < int(span[2]):
            del session.content[len(session.content) // _QUANTUM * _QUANTUM :]
            held = len(session.content)
            return 308, {"Range": f"bytes=0-{held - 1}"} if held else {}, b""
        if not self._matches(session.name, session.match):
            return refusal(412, "At least one of the pre-conditions you specified did not hold.")
        session.stored = self.put(session.name, bytes(session.content), session.metadata)
        return ok(session.stored.resource())


def _media(stored: Stored, span: str | None) -> Answer:
    headers = {"X-Goog-Hash": f"crc32c={crc32c(stored.content)}", "X-Goog-Generation": str(stored.generation)}
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", span or "")
    if not wanted:
        return 200, headers, stored.content
    start, size = int(wanted[1]), len(stored.content)
    end = min(size, int(wanted[2]) + 1) if wanted[2] else size
    if start >= size:
        return refusal(416, "Requested range not satisfiable")
    return 206, {**headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"}, stored.content[start:end]


def ok(content: dict[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def refusal(status: int, message: str) -> Answer:
    """An error in the form Google's JSON API gives it."""
    error = {"code": status, "message": message, "errors": [{"message": message, "domain": "global", "reason": "x"}]}
    return status, {"Content-Type": "application/json"}, json.dumps({"error": error}).encode()


def refuse(status: int, message: str) -> Fault:
    """Answer with an error and do nothing."""
    return lambda request, serve: refusal(status, message)


def break_before(request: Request, serve: Callable[[Request], Answer]) -> None:
    """The connection breaks before the request is served."""


def lose_answer(request: Request, serve: Callable[[Request], Answer]) -> None:
    """The request is served and the answer is lost."""
    serve(request)


def cut_answer(request: Request, serve: Callable[[Request], Answer]) -> Answer:
    """The connection breaks in the middle of the answer's body."""
    status, headers, body = serve(request)
    return status, {**headers, "Content-Length": str(len(body) + 1)}, body[: len(body) // 2]


def flip_answer(request: Request, serve: Callable[[Request], Answer]) -> Answer:
    """A byte of the answer's body differs."""
    status, headers, body = serve(request)
    return status, headers, body[:-1] + bytes([body[-1] ^ 1])


def flip_request(request: Request, serve: Callable[[Request], Answer]) -> Answer:
    """A byte of the request's body differs."""
    middle = len(request.body) // 2
    request.body = request.body[:middle] + bytes([request.body[middle] ^ 1]) + request.body[middle + 1 :]
    return serve(request)


@contextmanager
def fake_storage() -> Iterator[FakeStorage]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two packets

        def _handle(self) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            answer = fake.handle(Request(self.command, url.path, query, body, headers))
            self.close_connection = answer is None
            if answer is None:
                return
            status, extra, content = answer
            self.send_response(status)
            for key, value in {"Content-Length": str(len(content)), **extra}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)
            # Fewer bytes than were promised: nothing but the end of the connection tells.
            self.close_connection = "Content-Length" in extra

        do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler)
    fake = FakeStorage(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


_EMULATOR = """
import sys
from gcp_storage_emulator.server import create_server
create_server("127.0.0.1", int(sys.argv[1]), in_memory=False, data_dir=sys.argv[2], default_bucket=sys.argv[3]).run()
"""


class Emulator:
    """gcp-storage-emulator in a process of its own, with its objects on disk."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder = folder
        self._bucket = [BUCKET]
        self.start()

    def start(self) -> None:
        """Return at once: it listens a moment later."""
        command = [sys.executable, "-c", _EMULATOR, str(self.port), str(self._folder), *(self._bucket or [""])]
        self._bucket = []
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
