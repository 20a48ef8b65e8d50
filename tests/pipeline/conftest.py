"""Datasets, made once for all pipeline tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.datasets import idx_files, prepare, write_files
from tests.support.fuzzing import bounded


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


@pytest.fixture
def bounds() -> Iterator[None]:
    """Bounds of time and memory for a test that reads thousands of damaged files."""
    with bounded():
        yield
