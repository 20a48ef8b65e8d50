"""The sizes and channels of image files, read from the headers of some of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.understood import Headers
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.transforms.opening import open_image_file

MOST_FILES = 64
"""Files whose header is read, spread evenly over the splits."""

MOST_BYTES = 64 << 20
"""Bytes of files after which no other header is read: photographs of many megabytes shall not delay the start."""


def read_headers(tree: FileTree, splits: Mapping[str, Sequence[str]]) -> Headers:
    """The sizes and channels that the headers of some files name, at least one file of every split.

    Args:
        tree: holds the files.
        splits: the file names of every split to look at.

    Raises:
        StorageError: as the tree says.
    """
    share = max(1, MOST_FILES // max(1, len(splits)))
    chosen = [name for names in splits.values() for name in _spread(names, share)]
    sizes, modes, unreadable, read, taken = Counter[str](), Counter[str](), 0, 0, 0
    for content in _contents(tree, chosen):
        header = _header(content)
        read, taken = read + 1, taken + len(content)
        if header is None:
            unreadable += 1
        else:
            sizes[f"{header[0]}x{header[1]}"] += 1
            modes[header[2]] += 1
        if taken > MOST_BYTES:
            break
    of = sum(map(len, splits.values()))
    return Headers(read=read, of=of, sizes=dict(sizes), modes=dict(modes), unreadable=unreadable)


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


def _header(content: bytes) -> tuple[int, int, str] | None:
    """Width and height in pixels, upright, and Pillow's mode, or None if this is no image."""
    try:
        opened = open_image_file(content)
    except UnusableInputError:
        return None
    width, height = opened.image.size
    return (height, width, opened.image.mode) if opened.turned else (width, height, opened.image.mode)
