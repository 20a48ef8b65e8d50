"""CIFAR-10 in small, byte by byte in the layouts of its authors."""

import io
import pickle
import struct
import tarfile
from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
PYTHON, BINARY = "cifar-10-batches-py", "cifar-10-batches-bin"

Batch = tuple[NDArray[np.uint8], list[int]]
"""uint8 (n, 3072): each image as three planes; and its labels."""


@cache
def batches() -> dict[str, Batch]:
    """Six batches by name; no two have equally many images."""
    chance = np.random.default_rng(5)
    return {
        name: (chance.integers(0, 256, (4 + number, 3072), np.uint8), chance.integers(0, 10, 4 + number).tolist())
        for number, name in enumerate(BATCHES)
    }


def split_arrays(split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The arrays a reader must return: images (n, 32, 32, 3) and labels (n,)."""
    wanted = [batch for name, batch in batches().items() if (name == "test_batch") == (split == "test")]
    images = np.concatenate([[np.stack(row.reshape(3, 32, 32), -1) for row in pixels] for pixels, _ in wanted])
    return images, np.concatenate([labels for _, labels in wanted])


class Python2Pickle:
    """Writes a pickle as Python 2's cPickle does in protocol 2: its byte strings are opcodes that Python 3 no longer writes."""

    def __init__(self) -> None:
        self._out, self._places = io.BytesIO(), 0

    def of(self, value: object) -> bytes:
        """The pickle of dictionaries, lists, bytes, numbers and one kind of array."""
        self._out.write(b"\x80\x02")
        self._write(value)
        return self._out.getvalue() + b"."

    def _remember(self) -> None:
        self._places += 1
        self._out.write(b"q" + bytes([self._places]) if self._places < 256 else b"r" + struct.pack("<I", self._places))

    def _write(self, value: object) -> None:
        match value:
            case int() if 0 <= value < 256:
                self._out.write(b"K" + bytes([value]))
            case int():
                self._out.write(b"J" + struct.pack("<i", value))
            case bytes():
                head = b"U" + bytes([len(value)]) if len(value) < 256 else b"T" + struct.pack("<i", len(value))
                self._out.write(head + value)
                self._remember()
            case list() | dict():
                self._out.write(b"]" if isinstance(value, list) else b"}")
                self._remember()
                self._out.write(b"(")
                for item in value if isinstance(value, list) else [part for pair in value.items() for part in pair]:
                    self._write(item)
                self._out.write(b"e" if isinstance(value, list) else b"u")
            case np.ndarray():
                self._write_array(value)
            case _:
                raise TypeError(type(value))

    def _write_array(self, array: NDArray[np.uint8]) -> None:
        self._out.write(b"cnumpy.core.multiarray\n_reconstruct\n")
        self._remember()
        self._out.write(b"cnumpy\nndarray\n")
        self._remember()
        self._out.write(b"K\x00\x85U\x01b\x87R")
        self._remember()
        self._out.write(b"(K\x01J" + struct.pack("<i", array.shape[0]) + b"M" + struct.pack("<H", array.shape[1]) + b"\x86")
        self._out.write(b"cnumpy\ndtype\n")
        self._remember()
        self._out.write(b"U\x02u1K\x00K\x01\x87R")
        self._remember()
        self._out.write(b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89")
        self._write(array.tobytes())
        self._out.write(b"tb")


def python2_pickle(value: object) -> bytes:
    """See Python2Pickle."""
    return Python2Pickle().of(value)


def python3_pickle(value: object) -> bytes:
    """The same by Python 3, which writes bytes as calls of _codecs.encode."""
    return pickle.dumps(value, protocol=2)


def python_batch(name: str, batch: Batch) -> dict[bytes, object]:
    """The content of a batch's pickle."""
    pixels, labels = batch
    files = [b"thing_s_%06d.png" % number for number in range(len(labels))]
    return {b"batch_label": name.encode(), b"labels": labels, b"data": pixels, b"filenames": files}


def python_meta(classes: tuple[str, ...] = CLASSES) -> dict[bytes, object]:
    """The content of batches.meta."""
    return {b"num_cases_per_batch": 10000, b"label_names": [name.encode() for name in classes], b"num_vis": 3072}


def binary_batch(batch: Batch) -> bytes:
    """A file of the binary version."""
    return b"".join(bytes([label]) + pixels.tobytes() for pixels, label in zip(*batch, strict=True))


@cache
def python_files() -> Mapping[str, bytes]:
    """The files of the python version, as Python 2 wrote them."""
    files = {name: python2_pickle(python_batch(name, batch)) for name, batch in batches().items()}
    return {**files, "batches.meta": python2_pickle(python_meta()), "readme.html": b"<html>"}


@cache
def binary_files() -> Mapping[str, bytes]:
    """The files of the binary version."""
    files = {f"{name}.bin": binary_batch(batch) for name, batch in batches().items()}
    return {**files, "batches.meta.txt": "\n".join((*CLASSES, "", "")).encode(), "readme.html": b"<html>"}


def tar(folder: str, files: Mapping[str, bytes], mode: str = "w:gz", kind: int = tarfile.GNU_FORMAT) -> bytes:
    """An archive with the files in a folder, not in their own order, as in the official one."""
    out = io.BytesIO()
    # The lowest level, so that gzip stores more than it packs: the fuzzer then reaches what is inside.
    options = {"compresslevel": 1} if mode == "w:gz" else {}
    with tarfile.open(fileobj=out, mode=mode, format=kind, **options) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo(folder)
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
        for name in sorted(files, key=lambda name: name[::-1]):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(files[name])
            archive.addfile(entry, io.BytesIO(files[name]))
    return out.getvalue()
