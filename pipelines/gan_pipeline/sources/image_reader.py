"""Reads image files, decodes and transforms them: by several threads, in order, with a bound on their memory."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from gan_core.errors import UnusableInputError, UsageError
from gan_core.text import short_repr
from gan_pipeline.dataset.catalogue import TOO_SMALL
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.records import Image
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.ordered_threads import map_in_order
from gan_pipeline.transforms.decode import Decoded, Decoding, decode, decode_image_file
from gan_pipeline.transforms.deep_samples import Levels, colour_range, deep_samples, is_deep
from gan_pipeline.transforms.opening import OpenedImage, open_image_file
from gan_pipeline.transforms.transform import Transform, Transformed

MAX_BATCH_PIXELS = 32_000_000
"""A batch ends early at this many pixels, about 128 MB: memory stays bounded however large the photographs are."""

MAX_DECODED_BYTES = 512 << 20
"""Memory for the pixels of all images that are decoded at once; a single image may take more."""

THREADS_VARIABLE = "GANMILL_DECODING_THREADS"
"""Environment variable: threads of this process that decode at once; by default one for each processor it may use."""

_THREADS = re.compile("[1-9][0-9]{0,2}")

_CHUNK_FILES, _CHUNK_BYTES = 8, 8 << 20
_ROW_BYTES = 8
_PLAIN_MODES = ("RGB", "L")


@dataclass(frozen=True)
class ReadImage:
    """The outcome of reading one file.

    Attributes:
        name: of the file.
        transformed: the images of its record, or why there are none.
        checksum: of the file's content, as its tree's `checksums` has it; None if it could not be read.
        used_bits: see `Decoded`.
        size: (width, height) of the decoded image in pixels; (0, 0) if there is none.
    """

    name: str
    transformed: Transformed
    checksum: str | None
    used_bits: int = 0
    size: tuple[int, int] = (0, 0)


class ImageReader:
    """Reads the image files of a tree. The pixels do not depend on the number of threads."""

    def __init__(self, tree: FileTree, transform: Transform, options: Options) -> None:
        self._tree, self._transform = tree, transform
        self._min_size = options.min_size or 0
        levels = options.levels
        self._decoding = Decoding(
            channels=options.channels or 3,
            levels=Levels(*levels) if levels else None,
            draft=transform.draft if options.scaled_jpeg else None,
        )

    def original(self, name: str) -> Image:
        """The decoded image of a file as RGB. Raises UnusableInputError if there is none in it."""
        return decode_image_file(self._tree.read(name))

    def read(self, names: Iterable[str]) -> Iterator[ReadImage]:
        """Read the files of those names, in that order."""
        opened = map_in_order(self._open, names, self._tree.parallel_reads)
        if self._transform.batch == 1:
            finished = map_in_order(self._finish, _chunks(opened), decoding_threads(), _chunk_memory, MAX_DECODED_BYTES)
            yield from chain.from_iterable(finished)
            return
        decoded = map_in_order(self._decode, opened, decoding_threads(), _memory, MAX_DECODED_BYTES)
        for batch in _batches(decoded, self._transform.batch):
            results = iter(self._transform.apply([one.pixels.image for one in batch if isinstance(one.pixels, Decoded)]))
            for one in batch:
                if isinstance(one.pixels, Decoded):
                    yield ReadImage(one.name, next(results), one.checksum, one.pixels.used_bits)
                else:
                    yield ReadImage(one.name, Transformed(failure=one.pixels), one.checksum)

    def colour_range(self, names: Iterable[str], advance: Callable[[], None]) -> tuple[int, int] | None:
        """The least and the greatest sample among the files that have more than 8 bits; None if there are no such files.

        Calls `advance` after every file. Files that cannot be decoded are left out here: they are dropped when they are read.
        """
        opened = map_in_order(self._open, names, self._tree.parallel_reads)
        ranges = []
        for found in map_in_order(_range, opened, decoding_threads(), _memory, MAX_DECODED_BYTES):
            advance()
            if found:
                ranges.append(found)
        return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None

    def _open(self, name: str) -> "_Opened":
        checksum = None
        try:
            content = self._tree.read(name)
            checksum = self._tree.checksum(content)
            opened = open_image_file(content)
            width, height = opened.image.size
            if min(width, height) < self._min_size:
                detail = f"{width}x{height} pixels, --min-size {self._min_size}"
                raise UnusableInputError("size", TOO_SMALL, detail)
            return _Opened(name, opened, checksum)
        except UnusableInputError as failure:
            return _Opened(name, failure, checksum)

    def _decode(self, one: "_Opened") -> "_Pixels":
        if isinstance(one.file, UnusableInputError):
            return _Pixels(one.name, one.file, one.checksum)
        try:
            return _Pixels(one.name, decode(one.file, self._decoding), one.checksum)
        except UnusableInputError as failure:
            return _Pixels(one.name, failure, one.checksum)

    def _finish(self, chunk: "Sequence[_Opened]") -> list[ReadImage]:
        return [self._finish_one(one) for one in chunk]

    def _finish_one(self, one: "_Opened") -> ReadImage:
        decoded = self._decode(one).pixels
        if isinstance(decoded, UnusableInputError):
            return ReadImage(one.name, Transformed(failure=decoded), one.checksum)
        (result,) = self._transform.apply([decoded.image])
        return ReadImage(one.name, result, one.checksum, decoded.used_bits, decoded.image.size)


@dataclass(frozen=True)
class _Opened:
    name: str
    file: OpenedImage | UnusableInputError
    checksum: str | None


@dataclass(frozen=True)
class _Pixels:
    name: str
    pixels: Decoded | UnusableInputError
    checksum: str | None


def decoding_threads() -> int:
    """The number of threads of this process that decode at once. Raises UsageError if its variable holds no number."""
    asked = os.environ.get(THREADS_VARIABLE) or str(len(os.sched_getaffinity(0)))
    if not _THREADS.fullmatch(asked):
        raise UsageError(f"{THREADS_VARIABLE}={short_repr(asked)}: write a number of threads from 1 to 999, or unset it")
    return int(asked)


def _memory(one: _Opened) -> int:
    """About how many bytes the pixels take while they are decoded: Pillow keeps 4 bytes of a pixel and a pointer of a row.

    Transparency and deep samples are composited, scaled or converted with copies.
    """
    if isinstance(one.file, UnusableInputError):
        return 0
    image = one.file.image
    copies = 1 if image.mode in _PLAIN_MODES and not is_deep(one.file) and "transparency" not in image.info else 3
    return image.height * (4 * image.width + _ROW_BYTES) * copies


def _chunks(opened: Iterable[_Opened]) -> Iterator[list[_Opened]]:
    """Files that a thread takes at once: handing over each one alone takes a tenth of the time of a small photograph."""
    chunk: list[_Opened] = []
    for one in opened:
        chunk.append(one)
        if len(chunk) == _CHUNK_FILES or _chunk_memory(chunk) > _CHUNK_BYTES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _chunk_memory(chunk: Sequence[_Opened]) -> int:
    return sum(map(_memory, chunk))


def _range(one: _Opened) -> tuple[int, int] | None:
    if isinstance(one.file, UnusableInputError) or not is_deep(one.file):
        return None
    try:
        return colour_range(deep_samples(one.file))
    except UnusableInputError:
        return None


def _batches(decoded: Iterable[_Pixels], size: int) -> Iterator[list[_Pixels]]:
    batch: list[_Pixels] = []
    pixels = 0
    for one in decoded:
        batch.append(one)
        pixels += one.pixels.image.width * one.pixels.image.height if isinstance(one.pixels, Decoded) else 0
        if len(batch) == size or pixels >= MAX_BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch
