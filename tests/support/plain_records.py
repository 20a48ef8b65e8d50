"""Read dataset folders without the product's code: TFRecord framing and tf.train.Example by their documented bytes."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.datasets import run_cli


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a protocol buffer that holds numbers and byte strings."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
        else:
            assert key & 7 == 2
            size, at = _varint(data, at)
            yield key >> 3, data[at : at + size]
            at += size


def _packed(data: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        numbers.append(value - (1 << 64) if value >> 63 else value)
    return numbers


def _feature(data: bytes) -> list[Any]:
    values: list[Any] = []
    for kind, content in _fields(data):
        for _, value in _fields(content):
            values += [value] if kind == 1 or isinstance(value, int) else _packed(value)
    return values


def plain_records(path: Path) -> Iterator[dict[str, list[Any]]]:
    """The features of every record of a TFRecord file."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        record = data[at + 12 : at + 12 + size]
        at += 16 + size
        example: dict[str, list[Any]] = {}
        for _, features in _fields(record):
            for _, entry in _fields(features):
                name, value = (content for _, content in _fields(entry))
                example[name.decode()] = _feature(value)
        yield example


class Plain:
    """A prepared dataset folder, read without the product's code.

    Attributes:
        manifest: the document manifest.json.
        class_names: by class number; none without labels.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_bytes())
        self.class_names: list[str] = self.manifest["features"].get("label", {}).get("class_names", [])

    def records(self, split: str = "train") -> dict[str, dict[str, list[Any]]]:
        """The records of a split by their id."""
        files = [self._folder / shard["file"] for shard in self.manifest["splits"][split]["shards"]]
        return {record["id"][0].decode(): record for file in files for record in plain_records(file)}

    def titles(self, split: str = "train") -> dict[str, str]:
        """The class name of every record by its id."""
        return {name: self.class_names[record["label"][0]] for name, record in self.records(split).items()}

    def images(self, split: str = "train", feature: str = "image") -> dict[str, NDArray[np.uint8]]:
        """The raw images of a split by the id of their record."""
        shape = self.manifest["features"][feature]["shape"]
        return {name: np.frombuffer(one[feature][0], np.uint8).reshape(shape) for name, one in self.records(split).items()}


def prepared(out: Path, dataset: str, source: Path | str, *options: str) -> Plain:
    """Prepare a dataset in one shard a split by the command, expect success, and open it."""
    ran = run_cli("prepare", dataset, "--source", source, "-o", out, "--shards", "1", *options)
    assert ran.code == 0, ran.err
    return Plain(out)


def refused(out: Path, dataset: str, source: Path | str, *options: str, code: int = 3) -> str:
    """Prepare, expect that exit code and that nothing was written; what was said."""
    ran = run_cli("prepare", dataset, "--source", source, "-o", out, *options)
    assert ran.code == code, (ran.code, ran.err)
    assert not out.exists()
    return ran.err


def understood(dataset: str, source: Path | str, *options: str) -> dict[str, Any]:
    """The answer of `prepare --dry-run --json`."""
    ran = run_cli("prepare", dataset, "--source", source, "-o", "never-made", "--dry-run", "--json", *options)
    assert ran.code == 0, ran.err
    answer: dict[str, Any] = json.loads(ran.out)["understood"]
    return answer
