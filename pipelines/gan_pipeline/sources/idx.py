"""The idx files of MNIST and of the datasets made in its image (format: Yann LeCun, yann.lecun.com/exdb/mnist).

Files are unpacked to a temporary file and memory mapped: memory does not grow with the dataset.
"""

import hashlib
import math
import struct
import tempfile
from io import BufferedIOBase
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError
from gan_pipeline.dataset.catalogue import DatasetInfo
from gan_pipeline.sources.array_files import FilePlace, find_file
from gan_pipeline.sources.base import Arrays, ArraySplit, check_labels
from gan_pipeline.sources.known_files import check_official, file_sum, unknown_note
from gan_pipeline.sources.packed_file import open_unpacked

FILE_PREFIX = {"train": "train", "test": "t10k"}

MAX_ITEMS = 20_000_000
"""A file with more items is refused. The largest dataset of this kind, EMNIST by class, has 814,255."""

_UINT8 = 0x08
_CHUNK = 1 << 20


def open_idx(place: FilePlace, info: DatasetInfo, prefixes: dict[str, str]) -> Arrays:
    """Open idx files as arrays.

    Args:
        place: holds `<prefix>-images-idx3-ubyte` and `<prefix>-labels-idx1-ubyte`, each plain or `.gz`, at any depth.
        info: what the files must contain.
        prefixes: file prefix of each wanted split.

    Raises:
        DataError: a file is missing, not idx, cut off, of another shape, or the two do not belong together; or it is an
            official file of another dataset.
    """
    splits, digest, unknown = {}, hashlib.sha256(), []
    for split, prefix in prefixes.items():
        images_at = _find(place, f"{prefix}-images", 3)
        labels_at = _find(place, f"{prefix}-labels", 1)
        counts = [_count(place, name) for name in (images_at, labels_at)]
        if counts[0] != counts[1]:
            raise DataError(
                f"{place.locate(images_at)} has {counts[0]} images but {place.locate(labels_at)} has "
                f"{counts[1]} labels; fetch both files from the same place again"
            )
        part = "train" if prefix.endswith("train") else "test"
        images, images_known = _load(place, images_at, info, f"{part} images", digest)
        labels, labels_known = _load(place, labels_at, info, f"{part} labels", digest)
        splits[split] = labelled_split(images, labels, info, place.locate(labels_at))
        unknown += [place.locate(images_at)] if not (images_known and labels_known) else []
    notes = (unknown_note(info.name, unknown[0]),) if unknown and info.official_files else ()
    return Arrays(splits, digest.hexdigest(), notes)


def labelled_split(images: NDArray[np.uint8], labels: NDArray[np.uint8], info: DatasetInfo, where: str) -> ArraySplit:
    """A split of grey images.

    Args:
        images: uint8 (n, height, width), as they are stored.
        labels: uint8 (n,), as they are stored.
        info: says whether images are stored with their sides exchanged, and which label is the first class.
        where: the file of the labels, for messages.

    Raises:
        DataError: a label is of no class.
    """
    numbers = labels.astype(np.int64) - info.first_label
    check_labels(numbers, len(info.class_names), where)
    upright = images.transpose(0, 2, 1) if info.transposed else images
    return ArraySplit(upright[..., np.newaxis], numbers)


def _find(place: FilePlace, stem: str, dimensions: int) -> str:
    names = [f"{stem}{mark}idx{dimensions}-ubyte{ending}" for mark in "-." for ending in ("", ".gz")]
    found = find_file(place, names)
    if found is None:
        raise DataError(f"{place.uri}: no file {names[0]} (or .gz) here; --source takes the folder that holds the idx files")
    return found


def _count(place: FilePlace, name: str) -> int:
    """The number of items that the header of an idx file promises."""
    where = place.locate(name)
    with place.local_file(name) as path, open_unpacked(path, where, "fetch the file again") as content:
        return _read_header(content, where)[1][0]


def _load(place: FilePlace, name: str, info: DatasetInfo, part: str, digest: "hashlib._Hash") -> tuple[NDArray[np.uint8], bool]:
    """Memory map the array of an idx file: (n, height, width) or (n,); and whether it is the official file of that part."""
    where = place.locate(name)
    item_shape = info.shape[:2] if part.endswith("images") else ()
    content_sum = hashlib.sha256()
    with place.local_file(name) as path, tempfile.TemporaryFile(prefix="ganmill-") as items:
        with open_unpacked(path, where, "fetch the file again") as content:
            header, shape = _read_header(content, where)
            if shape[1:] != item_shape:
                raise DataError(f"{where}: items of shape {shape[1:]} where {item_shape} is expected; is it the right file?")
            # The content and not the file: packed and plain are the same source.
            for one in (digest, content_sum):
                one.update(header)
            _copy_items(content, items, len(header), math.prod(shape), (digest, content_sum), where)
        known = check_official(info.name, part, (_sum_of(path), content_sum.hexdigest()), where)
        # The map stays valid after the temporary file is closed, and its disk space is freed with it.
        return np.memmap(items, np.uint8, "r", shape=shape), known


def _sum_of(path: Path) -> str:
    with open(path, "rb") as file:
        return file_sum(file)


def _read_header(file: BufferedIOBase, where: str) -> tuple[bytes, tuple[int, ...]]:
    """Read the magic number and sizes, and return them as bytes and as a shape; the file is left at the first item."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UINT8 or not 1 <= magic[3] <= 3:
        raise DataError(f"{where}: not an idx file of bytes (it starts with {magic.hex() or 'nothing'}); fetch it again")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{where}: cut off inside its header; fetch the file again")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    if shape[0] == 0:
        raise DataError(f"{where}: holds no item")
    if shape[0] > MAX_ITEMS:
        raise DataError(f"{where}: its header promises {shape[0]:,} items, at most {MAX_ITEMS:,} are read; fetch it again")
    return magic + sizes, shape


def _copy_items(
    content: BufferedIOBase, items: IO[bytes], header: int, size: int, digests: tuple["hashlib._Hash", ...], where: str
) -> None:
    """Copy `size` bytes, and no more: a packed file may expand without end."""
    left = size
    while left and (chunk := content.read(min(left, _CHUNK))):
        items.write(chunk)
        for digest in digests:
            digest.update(chunk)
        left -= len(chunk)
    items.flush()
    promise = f"its header promises {header + size} bytes"
    if left:
        raise DataError(f"{where}: cut off, {promise} and it has {header + size - left}; fetch it again")
    # Reading on past the last item is also what checks gzip's checksum.
    if content.read(1):
        raise DataError(f"{where}: too long, {promise} and it has more; fetch it again")
