"""An HTTP API on this machine that remembers what it was asked and answers as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Request:
    """One request of a client; the path has its query."""

    method: str
    path: str
    body: Any


@dataclass
class FakeApi:
    """The address of the API, the requests in their order, and the answers to come; without one, the body with a uid."""

    address: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def kubeconfig(self, folder: Path) -> str:
        """The path of a kubeconfig for this API as a cluster."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": self.address}}],
            "users": [{"name": "me", "user": {"token": "secret"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return str(path)


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    """Serve while the block runs."""
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def __getattr__(self, name: str) -> Any:
            # The methods of the base class are called do_GET, do_POST and so on.
            if name.startswith("do_"):
                return self._answer
            raise AttributeError(name)

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"null")
            api.requests.append(Request(self.command, self.path, body))
            status, answer = api.answers.pop(0) if api.answers else (200, body)
            if "metadata" in answer:
                answer = answer | {"metadata": answer["metadata"] | {"uid": "uid-of-the-job"}}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
