"""Rules for every test: no network, no GPU, no files of the user, the same random examples each time."""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.sync_api import Browser

from gan_core.notices import LOGGER
from tests.support.browser import chromium
from tests.support.fake_storage import Emulator
from tests.support.quick import block_tensorflow, is_other_test_file, quick_only

# Set before anything imports TensorFlow, and inherited by every child process. Port 9 is closed: a child that tries
# to reach the network fails at once.
os.environ.update(
    CUDA_VISIBLE_DEVICES="",
    TF_CPP_MIN_LOG_LEVEL="3",
    HTTP_PROXY="http://127.0.0.1:9",
    HTTPS_PROXY="http://127.0.0.1:9",
    NO_PROXY="127.0.0.1,localhost",
    GANMILL_DATA="/nonexistent",
    TFDS_DATA_DIR="/nonexistent",
)

settings.register_profile("ganmill", derandomize=True, deadline=None, database=None, print_blob=False)
settings.load_profile("ganmill")


def pytest_configure(config: pytest.Config) -> None:
    if quick_only(config):
        block_tensorflow()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out of the quick set, before they are imported, the files that have nothing in it."""
    return True if quick_only(config) and collection_path.is_file() and is_other_test_file(collection_path) else None


_LOOPBACK = ("127.", "localhost", "::1", "0.0.0.0")


class NetworkTouchedError(BaseException):
    """A test reached for the network. Not an Exception, so that no library can swallow it."""


def _is_local(host: object) -> bool:
    return host is None or (host.decode() if isinstance(host, bytes) else str(host)).startswith(_LOOPBACK)


def _guarded_connect(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and not _is_local(address[0]):
            raise NetworkTouchedError(f"connect to {address}")
        return connect(self, address)

    return guarded


def _guarded_getaddrinfo(getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host):
            raise NetworkTouchedError(f"look-up of {host}")
        return getaddrinfo(host, *args, **kwargs)

    return guarded


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Fail loudly on any address but this machine's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded_connect(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _guarded_getaddrinfo(socket.getaddrinfo))
        yield


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """gs:// URI of an empty bucket in an emulator on this machine, in memory."""
    from gcp_storage_emulator.server import create_server
    from google.cloud import storage

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        storage.Client(project="emulator").create_bucket("ganmill-test")
        yield "gs://ganmill-test"
    server.stop()


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator in a process of its own, to which gs:// leads, and which the test may kill and start."""
    running = Emulator(tmp_path)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{running.port}")
    yield running
    running.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with chromium() as started:
        yield started


@pytest.fixture
def notices() -> Iterator[list[str]]:
    """The messages that the library tells during the test, in order, whether or not they are shown."""
    messages: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    collect = Collect()
    LOGGER.addHandler(collect)
    yield messages
    LOGGER.removeHandler(collect)
