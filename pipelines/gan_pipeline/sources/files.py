"""The source whose inputs are image files, wherever they lie."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_pipeline.dataset.features import Feature, Features, ImageFeature
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.records import Example, Image, Value
from gan_pipeline.dataset.understood import FoundSplit, Understood
from gan_pipeline.sources.base import Read, split_of
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.headers import read_headers
from gan_pipeline.sources.image_reader import ImageReader, ReadImage
from gan_pipeline.transforms.transform import Transform


def _nothing(name: str) -> dict[str, Any]:
    return {}


class FileSource:
    """Image files of a tree as a source.

    Args:
        tree: where the files are.
        splits: the names of the files of every split; a name is its example's id too.
        transform: what becomes of each image.
        options: how image files are decoded, and how the images of the records are stored.
        features: what the records hold besides images.
        values_of: those other values, by file name.
        face_of: what is added to a file's line of faces.jsonl.
        tables: checksums by name of the other files that decide what is written.
        notes: what the user should know.
        understood: how the folders and tables were read, without the headers; None if there is nothing but the splits.
    """

    may_drop = True

    def __init__(
        self,
        tree: FileTree,
        splits: Mapping[str, Sequence[str]],
        transform: Transform,
        options: Options,
        features: Mapping[str, Feature] | None = None,
        values_of: Callable[[str], Mapping[str, Value]] = _nothing,
        face_of: Callable[[str], Mapping[str, Any]] = _nothing,
        tables: Mapping[str, str] | None = None,
        notes: tuple[str, ...] = (),
        understood: Understood | None = None,
    ) -> None:
        self._tree, self._splits = tree, splits
        self._reader = ImageReader(tree, transform, options)
        self._high_bits = options.bit_depth is None
        self._values_of, self._face_of = values_of, face_of
        self._tables, self.notes = dict(tables or {}), (*tree.notes, *notes, *_option_notes(options))
        self._understood = understood or Understood(
            splits={split: FoundSplit(inputs=len(names), written=True) for split, names in splits.items()}
        )
        images = {name: ImageFeature(shape=shape, encoding=options.encoding) for name, shape in transform.shapes.items()}
        self.features: Features = {**images, **(features or {})}

    def understand(self) -> Understood:
        written = {split: self.files(split) for split in self._understood.written if split in self._splits}
        return self._understood.model_copy(update={"headers": read_headers(self._tree, written, self._high_bits)})

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
        """The decoded image of a file as RGB. Raises UnusableInputError if there is none in it."""
        return self._reader.original(name)

    def files(self, split: str) -> Sequence[str]:
        """The names of all image files of a split."""
        return split_of(self._splits, split)

    def colour_range(self, split: str, advance: Callable[[], None]) -> tuple[int, int] | None:
        """The least and the greatest sample of the files of a split that have more than 8 bits; None if none has.

        Calls `advance` after every file.
        """
        return self._reader.colour_range(self.files(split), advance)

    def read(self, split: str, ids: Sequence[int]) -> Iterator[Read]:
        names = split_of(self._splits, split)
        return map(self._read, self._reader.read(names[number] for number in ids))

    def _read(self, one: ReadImage) -> Read:
        result = one.transformed
        face = None if result.face is None else {"id": one.name, **result.face, **self._face_of(one.name)}
        if result.images is None:
            return Read(one.name, failure=result.failure, face=face, checksum=one.checksum)
        example = Example(one.name, {**self._values_of(one.name), **result.images})
        return Read(one.name, example, face=face, used_bits=one.used_bits, checksum=one.checksum)

    def changed(self) -> list[str]:
        """Sorted names of the images whose files have another content than `checksums` says. Raises StorageError."""
        used = {name for names in self._splits.values() for name in names}
        return [name for name in self._tree.changed() if name in used]

    def contents_of(self, names: Iterable[str]) -> str:
        """The `contents_digest` of these files if they hold what `checksums` says."""
        return contents_digest((name, self.checksums[name]) for name in names)


def contents_digest(contents: Iterable[tuple[str, str]]) -> str:
    """sha256 over (name, checksum) of files, in the order in which they were read."""
    digest = hashlib.sha256()
    for name, checksum in contents:
        digest.update(f"{checksum} {name}\n".encode())
    return digest.hexdigest()


def _option_notes(options: Options) -> tuple[str, ...]:
    """How options that can be misread were understood."""
    notes = []
    if isinstance(options.image_size, str):
        height, width = options.size
        notes.append(f"images become {width} pixels wide and {height} pixels high")
    if options.levels:
        low, high = options.levels
        notes.append(f"of images of 16 bits, samples of {low:,} to {high:,} become 0 to 255")
    return tuple(notes)


def content_fingerprint(checksums: Mapping[str, str]) -> str:
    """sha256 over names and checksums: the same for the same files, wherever they lie."""
    lines = "".join(f"{checksum} {name}\n" for name, checksum in sorted(checksums.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
