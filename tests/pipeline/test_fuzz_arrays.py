"""Thousands of damaged files of MNIST and CIFAR-10: each is refused in one line, or read as something valid, without a hang."""

import gzip
import io
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gan_core.errors import DataError
from gan_core.storage import open_folder
from gan_pipeline.dataset.catalogue import dataset_info
from gan_pipeline.sources.base import Arrays
from gan_pipeline.sources.cifar import open_cifar
from gan_pipeline.sources.idx import open_idx
from tests.support.cifar_files import (
    BINARY,
    CLASSES,
    PYTHON,
    Batch,
    batches,
    binary_batch,
    python2_pickle,
    python3_pickle,
    python_batch,
    python_meta,
    tar,
)
from tests.support.datasets import idx_files, write_files
from tests.support.fuzzing import ROUNDS, Files, mutated, refused

pytestmark = pytest.mark.usefixtures("bounds")


def check_arrays(arrays: Arrays, shape: tuple[int, ...], split: str) -> None:
    """Images and labels that a trainer can use."""
    images, labels = arrays.splits[split].images, arrays.splits[split].labels
    assert images.shape == (len(labels), *shape)
    assert images.dtype == np.uint8
    assert len(labels) > 0
    assert labels.dtype == np.int64
    assert ((labels >= 0) & (labels < 10)).all()


@pytest.mark.parametrize("way", ["plain", "packed", "inside"])
def test_idx(tmp_path: Path, way: str) -> None:
    files, chance = idx_files(12, packed=way == "packed"), random.Random(way)
    folder, info = open_folder(tmp_path), dataset_info("mnist")

    def read() -> Arrays:
        return open_idx(folder, info, {"train": "train"})

    original, outcomes = read_of(tmp_path, files, read), []
    for _ in range(ROUNDS):
        name = chance.choice(sorted(files))
        broken = mutated(files[name], chance)
        (tmp_path / name).write_bytes(gzip.compress(broken, 1) if way == "inside" else broken)
        arrays = refused(read)
        (tmp_path / name).write_bytes(files[name])
        if arrays:
            check_arrays(arrays, (28, 28, 1), "train")
            assert way != "packed" or arrays.fingerprint == original.fingerprint
        outcomes.append(arrays is None)
    assert ROUNDS // 2 < sum(outcomes) < ROUNDS


def read_of(folder: Path, files: Files, read: Callable[[], Arrays]) -> Arrays:
    """The results of the undamaged files."""
    write_files(folder, files)
    return read()


def test_an_idx_file_that_expands_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header promises 12 images; it would unpack to 1 GiB."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    files = idx_files(12)
    name = "train-images-idx3-ubyte"
    packed = io.BytesIO()
    with gzip.open(packed, "wb", compresslevel=1) as out:
        out.write(files[name])
        for _ in range(1024):
            out.write(bytes(1 << 20))
    source = write_files(tmp_path / "in", {f"{name}.gz": packed.getvalue()} | {k: v for k, v in files.items() if k != name})
    with pytest.raises(DataError, match="too long, its header promises 9424 bytes and it has more; fetch it again"):
        open_idx(open_folder(source), dataset_info("mnist"), {"train": "train"})
    assert not list(scratch.iterdir())


@cache
def small_batches() -> dict[str, Batch]:
    """One or two images in each batch."""
    return {
        name: (pixels[: 1 + number % 2], labels[: 1 + number % 2])
        for number, (name, (pixels, labels)) in enumerate(batches().items())
    }


@cache
def cifar_files(kind: str) -> Files:
    """The files of a version of CIFAR-10 by name."""
    if kind == "binary":
        files = {f"{name}.bin": binary_batch(batch) for name, batch in small_batches().items()}
        return files | {"batches.meta.txt": "\n".join(CLASSES).encode()}
    dump = python2_pickle if kind == "python 2" else python3_pickle
    files = {name: dump(python_batch(name, batch)) for name, batch in small_batches().items()}
    return files | {"batches.meta": dump(python_meta())}


def read_cifar(source: Path) -> Arrays:
    """Both splits."""
    return open_cifar(str(source), dataset_info("cifar10"), ("train", "test"))


@pytest.mark.parametrize("kind", ["python 2", "python 3", "binary"])
def test_cifar_unpacked(tmp_path: Path, kind: str) -> None:
    files, chance = cifar_files(kind), random.Random(kind)
    read_of(tmp_path, files, lambda: read_cifar(tmp_path))
    outcomes = []
    for _ in range(ROUNDS):
        name = chance.choice(sorted(files))
        (tmp_path / name).write_bytes(mutated(files[name], chance))
        arrays = refused(lambda: read_cifar(tmp_path))
        (tmp_path / name).write_bytes(files[name])
        if arrays:
            check_arrays(arrays, (32, 32, 3), "train")
            check_arrays(arrays, (32, 32, 3), "test")
        outcomes.append(arrays is None)
    assert ROUNDS // 2 < sum(outcomes) < ROUNDS


@pytest.mark.parametrize("kind", ["python 2", "binary"])
@pytest.mark.parametrize("way", ["packed", "inside", "plain"])
def test_cifar_archives(tmp_path: Path, kind: str, way: str) -> None:
    source, chance = tmp_path / "cifar.tar.gz", random.Random(kind + way)
    content = tar(BINARY if kind == "binary" else PYTHON, cifar_files(kind), "w:gz" if way == "packed" else "w")
    original = read_of(tmp_path, {source.name: content}, lambda: read_cifar(source))
    outcomes = []
    for _ in range(ROUNDS):
        broken = mutated(content, chance)
        source.write_bytes(gzip.compress(broken, 1) if way == "inside" else broken)
        arrays = refused(lambda: read_cifar(source))
        if arrays:
            check_arrays(arrays, (32, 32, 3), "train")
            check_arrays(arrays, (32, 32, 3), "test")
            assert way != "packed" or arrays.fingerprint == original.fingerprint
        outcomes.append(arrays is None)
    assert ROUNDS // 2 < sum(outcomes) < ROUNDS
