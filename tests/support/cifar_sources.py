"""Sources of CIFAR-10 in every form, opened, and the messages that refuse them."""

import tarfile
from pathlib import Path

import pytest

from gan_core.errors import DataError, GanmillError
from gan_pipeline.dataset.catalogue import dataset_info
from gan_pipeline.sources.base import Arrays
from gan_pipeline.sources.cifar import open_cifar
from tests.support.cifar_files import (
    BINARY,
    PYTHON,
    batches,
    binary_files,
    python3_pickle,
    python_batch,
    python_files,
    python_meta,
    tar,
)
from tests.support.datasets import write_files

BOTH = ("train", "test")
PYTHON_ARCHIVE, BINARY_ARCHIVE = "cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"
PAGE = "fetch it again from https://www.cs.toronto.edu/~kriz/cifar.html"


def opened(source: object, splits: tuple[str, ...] = BOTH) -> Arrays:
    """The arrays of a source."""
    return open_cifar(str(source), dataset_info("cifar10"), splits)


def refusal(source: object, kind: type[GanmillError] = DataError) -> str:
    """The one line this source is refused with."""
    with pytest.raises(kind) as caught:
        opened(source)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def broken_python(folder: Path, **files: bytes) -> Path:
    """The unpacked python version with some files replaced."""
    return write_files(folder, {**python_files(), **files})


def written(root: Path, spelling: str) -> Path:
    """One way CIFAR-10 may lie on a disk: the argument for --source."""
    python, binary = dict(python_files()), dict(binary_files())
    match spelling:
        case "python unpacked":
            return write_files(root / PYTHON, python)
        case "python in a folder":
            return write_files(root / PYTHON, python).parent
        case "python renamed":
            return write_files(root / "my files", python)
        case "python archive":
            return write_files(root, {PYTHON_ARCHIVE: tar(PYTHON, python)}) / PYTHON_ARCHIVE
        case "python archive in a folder":
            return write_files(root, {PYTHON_ARCHIVE: tar(PYTHON, python)})
        case "python renamed archive":
            return write_files(root, {"c.tgz": tar(PYTHON, python)}) / "c.tgz"
        case "python archive that a browser unpacked":
            return write_files(root, {PYTHON_ARCHIVE: tar(PYTHON, python, "w")}) / PYTHON_ARCHIVE
        case "python packed again":
            return write_files(root, {"c.tar": tar(f"./{PYTHON}", python, "w", tarfile.PAX_FORMAT)}) / "c.tar"
        case "python 3":
            again = {name: python3_pickle(python_batch(name, batch)) for name, batch in batches().items()}
            return write_files(root, again | {"batches.meta": python3_pickle(python_meta())})
        case "binary unpacked":
            return write_files(root / BINARY, binary)
        case "binary in a folder":
            return write_files(root / BINARY, binary).parent
        case "binary archive":
            return write_files(root, {BINARY_ARCHIVE: tar(BINARY, binary)}) / BINARY_ARCHIVE
        case "binary archive in a folder":
            return write_files(root, {BINARY_ARCHIVE: tar(BINARY, binary)})
    raise AssertionError(spelling)
