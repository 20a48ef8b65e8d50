"""The facts about a source before its content is used: splits, classes, image sizes, files that are no images."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from gan_core.text import printable
from gan_pipeline.dataset.features import Frozen

PAIRS_BY_NAME = "two folders, by equal names"
"""The value of `Understood.pairs` for pairs that are made of the files of two folders."""

DEEP_BITS = 16
"""The bits of a sample of deep images: `Headers.used_bits` says how many of them are used."""

_MOST_LISTED = 12
"""Classes, sizes or endings that a line of text lists; a JSON document and the manifest hold them all."""


class FoundSplit(Frozen):
    """One split of the source.

    Attributes:
        inputs: number of images or points in it, or None where the file that holds them was not opened.
        written: whether it was asked for.
        folders: names of the folders it was made of; none where the source has no split folders.
        classes: number of inputs by class name; empty where the inputs have no classes.
    """

    inputs: int | None
    written: bool = False
    folders: tuple[str, ...] = ()
    classes: dict[str, int] = Field(default={})


class Headers(Frozen):
    """Facts from the headers of image files.

    Attributes:
        read: number of files whose header was read, spread evenly over the splits to write.
        of: number of files in those splits.
        sizes: number of files by "WIDTHxHEIGHT" in pixels, upright.
        modes: number of files by Pillow's name of their channels: L is grey, RGB is colour, RGBA has transparency.
        unreadable: number of files whose header is not that of an image.
        used_bits: of the images of 16 bits among them, of whose samples the high 8 bits are kept, the bits that the greatest
            sample needs; 0 where there are none.
    """

    read: int
    of: int
    sizes: dict[str, int]
    modes: dict[str, int]
    unreadable: int = 0
    used_bits: Annotated[int, Field(exclude_if=lambda value: not value)] = 0


class Understood(Frozen):
    """How a source was read. The manifest keeps it.

    Attributes:
        splits: those found, by name.
        labels: where the labels came from, such as "folders" or "labels.csv"; "none" where there are none.
        pairs: how source and target of a pair were found; empty where there are no pairs.
        labels_chosen: whether the user said where labels come from.
        splits_chosen: whether the user said that no folder is a split.
        headers: sizes and channels met, or None where the source has no image files.
        left_out: number of files that are not used, most of them no images, by the ending of their name in lower case.
        tables_unused: files that may hold labels and were not used.
        shard_folders: folders that were not taken for classes though nothing but their names says that they are shards.
        empty_classes: class folders without an image.
        ignored_folders: the longest chain of folders below a class that was ignored, such as "2020/jan".
        misplaced: number of images in the train split that lie below a folder named like another split, by that folder.
        warnings: what looks as if it was not meant.
    """

    splits: dict[str, FoundSplit]
    labels: str = "none"
    pairs: str = ""
    labels_chosen: bool = False
    splits_chosen: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    headers: Headers | None = None
    left_out: dict[str, int] = Field(default={})
    tables_unused: tuple[str, ...] = ()
    shard_folders: tuple[str, ...] = ()
    empty_classes: tuple[str, ...] = ()
    ignored_folders: str = ""
    misplaced: dict[str, int] = Field(default={})
    warnings: tuple[str, ...] = ()

    @property
    def written(self) -> dict[str, FoundSplit]:
        """The splits that were asked for."""
        return {name: split for name, split in self.splits.items() if split.written}

    def lines(self) -> Iterator[str]:
        """The same as lines of text for a terminal, without the warnings."""
        return map(printable, self._lines())

    def _lines(self) -> Iterator[str]:
        for name, split in self.splits.items():
            folders = f" (folder {', '.join(split.folders)})" if split.folders else ""
            count = "" if split.inputs is None else f"{split.inputs:,} inputs"
            if split.written:
                yield f"split {name}{folders}: {count}{_classes(split.classes)}"
            else:
                yield f"split {name}{folders}: {count}{', ' if count else ''}found but not asked for; add it to --split"
        yield f"pairs: {self.pairs}" if self.pairs else f"labels: {self.labels}"
        if self.headers:
            yield _headers_line(self.headers)
        if self.left_out:
            yield f"left out: {_listed(self.left_out)}"
        if self.tables_unused:
            yield f"not used: {', '.join(self.tables_unused)}; --labels names a file of labels"


def _classes(classes: Mapping[str, int]) -> str:
    return f" in {len(classes)} classes: {_listed(classes)}" if classes else ""


def _headers_line(headers: Headers) -> str:
    those = f"all {headers.of:,}" if headers.read == headers.of else f"{headers.read:,} of {headers.of:,}"
    sizes = dict(sorted(headers.sizes.items(), key=lambda item: -item[1]))
    broken = f", {headers.unreadable} without the header of an image" if headers.unreadable else ""
    found = f"{_listed(sizes)}; channels {_listed(headers.modes)}" if sizes else "none"
    return f"images: {found}{broken} (headers of {those} read)"


def _listed(counts: Mapping[str, int]) -> str:
    shown = [f"{name} ({count:,})" for name, count in list(counts.items())[:_MOST_LISTED]]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
