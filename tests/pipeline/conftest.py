"""Datasets and a Google Cloud Storage emulator, made once for all pipeline tests."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.helpers import idx_files, prepare, write_files


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 digits in 8 raw shards. Tests that change a file copy the folder first."""
    out = tmp_path_factory.mktemp("digits") / "raw"
    prepare(out, "--limit", "400")
    return out


@pytest.fixture(scope="session")
def digits_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same 400 digits as PNG."""
    out = tmp_path_factory.mktemp("digits") / "png"
    prepare(out, "--limit", "400", "--encoding", "png")
    return out


@pytest.fixture(scope="session")
def idx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 digits as plain idx files."""
    return write_files(tmp_path_factory.mktemp("idx"), idx_files())


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
