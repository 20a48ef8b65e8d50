"""CIFAR-10: every broken or missing file is refused by its name."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.errors import DataError, StorageError
from tests.support.cifar_files import (
    CLASSES,
    PYTHON,
    batches,
    binary_batch,
    binary_files,
    python2_pickle,
    python3_pickle,
    python_batch,
    python_files,
    python_meta,
    tar,
)
from tests.support.cifar_sources import PAGE, PYTHON_ARCHIVE, broken_python, refusal
from tests.support.datasets import write_files

pytestmark = pytest.mark.quick

PIXELS, LABELS = batches()["data_batch_2"]
BATCH = python_batch("training batch 2 of 5", (PIXELS, LABELS))
PICKLE = python_files()["data_batch_2"]


def changed(**entries: Any) -> bytes:
    """A batch with some entries replaced."""
    return python2_pickle(BATCH | {key.encode(): value for key, value in entries.items()})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "not of CIFAR-10, cut off, or damaged", id="empty"),
        pytest.param(PICKLE[:-1], "cut off, or damaged", id="cut by a byte"),
        pytest.param(PICKLE[:5000], "cut off, or damaged", id="cut"),
        pytest.param(b"<!DOCTYPE html><html>no such page</html>", "not of CIFAR-10", id="html"),
        pytest.param(binary_batch(batches()["data_batch_2"]), "not of CIFAR-10", id="binary"),
        pytest.param(python2_pickle([1]), "a list where a dictionary is expected", id="list"),
        pytest.param(python2_pickle(python_meta()), "no list of labels", id="meta as batch"),
        pytest.param(changed(labels=[[1]]), "no list of labels", id="labels of lists"),
        pytest.param(changed(labels=[]), "with 0 labels", id="no labels"),
        pytest.param(changed(labels=LABELS[:-1]), f"with {len(LABELS) - 1} labels", id="fewer labels"),
        pytest.param(changed(labels=[*LABELS[:-1], 10]), "label 10 at position 4 is outside 0..9", id="label"),
        pytest.param(changed(labels=[-1, *LABELS[1:]]), "label -1 at position 0", id="negative label"),
        pytest.param(changed(data=PIXELS[:, :3071]), "pixels of shape (5, 3071)", id="shape"),
        pytest.param(changed(data=b"bytes"), "no array of bytes", id="no array"),
        pytest.param(changed(data=[1, 2]), "no array of bytes", id="list as data"),
        pytest.param(PICKLE.replace(b"U\x02u1", b"U\x02i8"), "no array of bytes", id="dtype"),
        pytest.param(PICKLE.replace(b"M\x00\x0c\x86", b"M\x01\x0c\x86"), "cannot reshape", id="shape and bytes"),
        pytest.param(changed(data=PIXELS[:0], labels=[]), "with 0 labels", id="no image"),
        pytest.param(python3_pickle(BATCH | {b"data": PIXELS.astype(np.int64)}), "no array of bytes", id="int64"),
        pytest.param(pickle.dumps(BATCH, protocol=4), "instruction FRAME", id="protocol 4"),
    ],
)
def test_a_broken_python_batch_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    message = refusal(broken_python(tmp_path, data_batch_2=content))
    assert f"{tmp_path}/data_batch_2" in message
    assert words in message
    assert "label" in words or message.endswith(PAGE)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data_batch_4.bin", binary_files()["data_batch_4.bin"][:-1], "bytes are no multiple of 3073"),
        ("data_batch_4.bin", b"", "with 0 labels"),
        ("data_batch_4.bin", b"\x0a" + bytes(3072), "label 10 at position 0 is outside 0..9"),
        ("data_batch_4.bin", b"<html>no such page</html>", "bytes are no multiple of 3073"),
        ("batches.meta.txt", b"apple\nbear\n", "its classes are not those of cifar10"),
        ("batches.meta.txt", b"", "its classes are not those of cifar10"),
        ("batches.meta.txt", b"\xff\xfe", "not of CIFAR-10"),
    ],
)
def test_a_broken_binary_file_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    message = refusal(write_files(tmp_path, {**binary_files(), name: content}))
    assert f"{tmp_path}/{name}" in message
    assert words in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (python2_pickle(python_meta(("apple", *CLASSES[1:]))), "its classes are not those of cifar10"),
        (python2_pickle(python_meta(CLASSES[::-1])), "its classes are not those of cifar10"),
        (python2_pickle(BATCH), "no list of class names"),
        (python2_pickle({b"label_names": [b"\xff"]}), "not of CIFAR-10"),
    ],
)
def test_other_classes(tmp_path: Path, content: bytes, words: str) -> None:
    message = refusal(broken_python(tmp_path, **{"batches.meta": content}))
    assert f"{tmp_path}/batches.meta: " in message
    assert words in message


@pytest.mark.parametrize("missing", ["data_batch_1", "data_batch_5", "test_batch", "batches.meta"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_missing_file_is_named(tmp_path: Path, missing: str, packed: bool) -> None:
    files = {name: content for name, content in python_files().items() if name != missing}
    if packed:
        source = write_files(tmp_path, {PYTHON_ARCHIVE: tar(PYTHON, files)}) / PYTHON_ARCHIVE
        assert refusal(source) == f"{source}: {PYTHON}/{missing}: missing; {PAGE}"
    else:
        assert refusal(write_files(tmp_path, files)) == f"{tmp_path}/{missing}: missing; {PAGE}"


def test_a_batch_that_is_far_too_large(tmp_path: Path) -> None:
    with open(broken_python(tmp_path) / "data_batch_1", "r+b") as file:
        file.truncate(65 << 20)
    assert "no file of CIFAR-10 has that many" in refusal(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "absent", tmp_path / "empty"):
        assert refusal(source, StorageError).startswith(f"{source}: not found, or empty; --source takes")
    archive = tmp_path / PYTHON_ARCHIVE
    assert refusal(archive, StorageError) == f"{archive}: not found; check the path"


def test_something_else_there(tmp_path: Path) -> None:
    write_files(tmp_path, {"notes.txt": b"not images"})
    assert refusal(tmp_path).startswith(f"{tmp_path}: no CIFAR-10 here; --source takes {PYTHON_ARCHIVE}")
    assert "a file that is no tar archive by its name; --source takes" in refusal(tmp_path / "notes.txt", DataError)
