"""The source whose inputs are image files, wherever they lie: read, decode, transform, in order and in batches."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.features import Encoding, Feature, Features, ImageFeature
from gan_pipeline.dataset.records import Example, Image, Value
from gan_pipeline.sources.base import Read, split_of
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.transforms.decode import decode_image_file
from gan_pipeline.transforms.transform import Transform, Transformed

MAX_BATCH_PIXELS = 32_000_000
"""A batch ends early at this many pixels, about 100 MB: memory stays bounded however large the photographs are."""

_AHEAD = 2
"""How many inputs each reading thread is ahead of the one wanted."""


def _nothing(name: str) -> dict[str, Any]:
    return {}


class FileSource:
    """Image files of a tree as a source.

    Args:
        tree: where the files are.
        splits: the names of the files of every split; a name is its example's id too.
        transform: what becomes of each image.
        encoding: how the images of the records are stored.
        features: what the records hold besides images.
        values_of: those other values, by file name.
        face_of: what is added to a file's line of faces.jsonl.
        tables: checksums by name of the other files that decide what is written.
        notes: what the user should know.
    """

    may_drop = True

    def __init__(
        self,
        tree: FileTree,
        splits: Mapping[str, Sequence[str]],
        transform: Transform,
        encoding: Encoding,
        features: Mapping[str, Feature] | None = None,
        values_of: Callable[[str], Mapping[str, Value]] = _nothing,
        face_of: Callable[[str], Mapping[str, Any]] = _nothing,
        tables: Mapping[str, str] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._tree, self._splits, self._transform = tree, splits, transform
        self._values_of, self._face_of = values_of, face_of
        self._tables, self.notes = dict(tables or {}), notes
        images = {name: ImageFeature(shape=shape, encoding=encoding) for name, shape in transform.shapes.items()}
        self.features: Features = {**images, **(features or {})}

    @cached_property
    def checksums(self) -> dict[str, str]:
        """Checksum of the content of every file that decides what is written, by name. May read them all."""
        known = self._tree.checksums()
        used = {name: known[name] for names in self._splits.values() for name in names}
        return used | self._tables

    @property
    def fingerprint(self) -> str:
        return content_fingerprint(self.checksums)

    @property
    def signature(self) -> str:
        return hashlib.sha256(f"{self._tree.signature()} {sorted(self._tables.items())}".encode()).hexdigest()

    def count(self, split: str) -> int:
        return len(split_of(self._splits, split))

    def labels(self, split: str) -> NDArray[np.int64] | None:
        if "label" not in self.features:
            return None
        return np.asarray([self._values_of(name)["label"] for name in split_of(self._splits, split)], np.int64)

    def name(self, split: str, number: int) -> str:
        """The file name of an input."""
        return split_of(self._splits, split)[number]

    def original(self, name: str) -> Image:
        """The decoded image of a file. Raises UnusableInputError if there is none in it."""
        return decode_image_file(self._tree.read(name))

    def read(self, split: str, ids: Sequence[int]) -> Iterator[Read]:
        names = split_of(self._splits, split)
        decoded = _in_order(self._decode, (names[number] for number in ids), self._tree.parallel_reads)
        for batch in _batches(decoded, self._transform.batch):
            images = [image for _, image in batch if not isinstance(image, UnusableInputError)]
            made = iter(self._transform.apply(images))
            for name, image in batch:
                yield self._read(name, Transformed(failure=image) if isinstance(image, UnusableInputError) else next(made))

    def _decode(self, name: str) -> "_Decoded":
        try:
            return name, self.original(name)
        except UnusableInputError as failure:
            return name, failure

    def _read(self, name: str, result: Transformed) -> Read:
        face = None if result.face is None else {"id": name, **result.face, **self._face_of(name)}
        if result.images is None:
            return Read(name, failure=result.failure, face=face)
        return Read(name, Example(name, {**self._values_of(name), **result.images}), face=face)


_Decoded = tuple[str, Image | UnusableInputError]


def content_fingerprint(checksums: Mapping[str, str]) -> str:
    """sha256 over names and checksums: the same for the same files, wherever they lie."""
    lines = "".join(f"{checksum} {name}\n" for name, checksum in sorted(checksums.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _batches(decoded: Iterable[_Decoded], size: int) -> Iterator[list[_Decoded]]:
    batch: list[_Decoded] = []
    pixels = 0
    for name, image in decoded:
        batch.append((name, image))
        pixels += 0 if isinstance(image, UnusableInputError) else image.shape[0] * image.shape[1]
        if len(batch) == size or pixels >= MAX_BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


_In = TypeVar("_In")
_Out = TypeVar("_Out")


def _in_order(function: Callable[[_In], _Out], values: Iterable[_In], threads: int) -> Iterator[_Out]:
    """Like `map`, with a bounded number of calls going on at once where the storage is far away."""
    if threads == 1:
        yield from map(function, values)
        return
    pool, waiting = ThreadPoolExecutor(threads, thread_name_prefix="image-reader"), deque[Future[_Out]]()
    try:
        for value in values:
            waiting.append(pool.submit(function, value))
            if len(waiting) > threads * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
