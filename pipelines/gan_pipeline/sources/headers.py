"""The sizes and channels of image files, read from the headers of some of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.understood import DEEP_BITS, Headers
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.transforms.deep_samples import colour_range, deep_samples
from gan_pipeline.transforms.opening import OpenedImage, open_image_file

MOST_FILES = 64
"""Files whose header is read, spread evenly over the splits."""

MOST_BYTES = 64 << 20
"""Bytes of files after which no other header is read: photographs of many megabytes shall not delay the start."""


def read_headers(tree: FileTree, splits: Mapping[str, Sequence[str]], high_bits: bool) -> Headers:
    """The sizes and channels that the headers of some files name, at least one file of every split.

    Args:
        tree: holds the files.
        splits: the file names of every split to look at.
        high_bits: whether the high 8 bits of deeper samples are to be kept, so that it matters how many bits are used. Then
            the deep ones of these files are decoded, too.

    Raises:
        StorageError: as the tree says.
    """
    share = max(1, MOST_FILES // max(1, len(splits)))
    chosen = [name for names in splits.values() for name in _spread(names, share)]
    sizes, modes, unreadable, read, taken, used_bits = Counter[str](), Counter[str](), 0, 0, 0, 0
    for content in _contents(tree, chosen):
        opened = _opened(content)
        read, taken = read + 1, taken + len(content)
        if opened is None:
            unreadable += 1
        else:
            width, height = reversed(opened.image.size) if opened.turned else opened.image.size
            sizes[f"{width}x{height}"] += 1
            modes[opened.image.mode] += 1
            used_bits = max(used_bits, _used_bits(opened) if high_bits else 0)
        if taken > MOST_BYTES:
            break
    of = sum(map(len, splits.values()))
    return Headers(read=read, of=of, sizes=dict(sizes), modes=dict(modes), unreadable=unreadable, used_bits=used_bits)


def _contents(tree: FileTree, names: Sequence[str]) -> Iterator[bytes]:
    """The content of each file, in order; as many are read at once as the tree likes."""
    threads = tree.parallel_reads
    with ThreadPoolExecutor(threads, thread_name_prefix="header-reader") as pool:
        for start in range(0, len(names), threads):
            yield from pool.map(lambda name: _content(tree, name), names[start : start + threads])


def _spread(names: Sequence[str], most: int) -> list[str]:
    """At most that many of the names, evenly spread."""
    count = min(len(names), most)
    return [names[len(names) * number // count] for number in range(count)]


def _content(tree: FileTree, name: str) -> bytes:
    try:
        return tree.read(name)
    except UnusableInputError:
        return b""


def _opened(content: bytes) -> OpenedImage | None:
    """The header of an image file, or None if this is no image."""
    try:
        return open_image_file(content)
    except UnusableInputError:
        return None


def _used_bits(opened: OpenedImage) -> int:
    """The bits that the greatest sample of an image needs whose file promises 16; 0 for all other images."""
    if opened.bits != DEEP_BITS:
        return 0
    try:
        return colour_range(deep_samples(opened))[1].bit_length()
    except UnusableInputError:
        return 0
