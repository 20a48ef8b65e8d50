"""Images in tar archives as a file tree: archives of folders, and shards of a webdataset.

In a webdataset the files of one sample follow each other and share the name before the first dot: `000001.jpg` with
`000001.cls`, `000001.json` or `000001.txt` (github.com/webdataset/webdataset). Archives are read from front to back.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import PurePosixPath
from typing import cast

from gan_core.errors import DataError
from gan_core.names import escape_name
from gan_core.storage import Folder
from gan_core.text import printable
from gan_pipeline.sources.file_tree import MAX_FILE, TreeLabels, is_hidden
from gan_pipeline.sources.parquet_tree import MAX_CLASSES
from gan_pipeline.sources.shard_splits import shard_splits
from gan_pipeline.sources.spooled_tree import SpooledTree
from gan_pipeline.sources.tar_members import TarStream
from gan_pipeline.transforms.opening import IMAGE_SUFFIXES

_AGAIN = "fetch the archive again"
_LABEL_ENDINGS = (".cls", ".json", ".txt")
_LABEL_KEYS = ("label", "cls", "class", "class_name", "label_name")
_MAX_LABEL_FILE = 1 << 20
_MAX_ARCHIVE = 1 << 42
_CLASS_NAMES = "classnames.txt"


@dataclass
class _Samples:
    """The content of the archives: label files by the name of their sample, and the image names of each sample."""

    images: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[str, bytes]] = field(default_factory=dict)


def open_tars(uri: str, folder: Folder, names: Sequence[str]) -> SpooledTree:
    """The images of tar archives, and the labels of their samples.

    An image is known by its name in the archive, below its split where the archives' names tell splits. Where two archives
    hold the same name, the second is known by the archive's name too.

    Raises:
        DataError: an archive is cut off or damaged, or a label cannot be read.
        StorageError: an archive cannot be read, or the temporary folder is full.
    """
    tree, samples = SpooledTree(uri), _Samples()
    splits = shard_splits(names) if len(names) > 1 else dict.fromkeys(names, "")
    class_names: list[str] = []
    for shard in sorted(names):
        with folder.open_binary(shard) as file:
            stream = TarStream(cast(BufferedIOBase, file), folder.locate(shard), _AGAIN, _MAX_ARCHIVE)
            for member, size in stream.files():
                stored = escape_name(member)
                content = _content(stream, stored, size)
                if content is None:
                    continue
                if PurePosixPath(stored).name == _CLASS_NAMES:
                    class_names = content.decode(errors="replace").split("\n")
                    continue
                _add(tree, samples, stored, content, splits[shard], PurePosixPath(shard).stem)
            stream.finish()
    titles = [title.strip() for title in class_names if title.strip()]
    tree.labels, tree.notes = _labels(samples, titles, uri)
    return tree


def _content(stream: TarStream, name: str, size: int) -> bytes | None:
    """The content of a member that is an image or a label; None, and it is passed over, for all others."""
    ending = PurePosixPath(name).suffix.lower()
    is_image = ending in IMAGE_SUFFIXES
    if (
        not name
        or is_hidden(name)
        or not (is_image or ending in _LABEL_ENDINGS)
        or size > (MAX_FILE if is_image else _MAX_LABEL_FILE)
    ):
        stream.skip(size)
        return None
    return stream.read(size)


def _add(tree: SpooledTree, samples: _Samples, member: str, content: bytes, split: str, shard: str) -> None:
    path = PurePosixPath(member)
    key = f"{shard}\0{path.parent}/{path.name.split('.')[0]}"
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        samples.labels.setdefault(key, {})[path.suffix.lower()] = content
        return
    prefix = f"{split}/" if split else ""
    name = f"{prefix}{member}"
    if name in tree:
        name = f"{prefix}{path.parent}/{shard}-{path.name}".replace("/./", "/").removeprefix("./")
    tree.add(name, content)
    samples.images[name] = key


def _labels(samples: _Samples, titles: list[str], uri: str) -> tuple[TreeLabels | None, tuple[str, ...]]:
    """The labels of the samples that have one, and sentences for the user."""
    for ending in _LABEL_ENDINGS:
        files = {key: files[ending] for key, files in samples.labels.items() if ending in files}
        values = {key: _label(content, ending, f"{uri}: a {ending} file") for key, content in files.items()}
        found = {key: value for key, value in values.items() if value is not None}
        if ending == ".txt" and not all(isinstance(value, int) for value in found.values()):
            return None, (f"{uri}: {len(files):,} .txt files are captions by their content, and no labels",)
        if found:
            labels = {name: found[key] for name, key in samples.images.items() if key in found}
            return _numbered(labels, ending, titles, uri), ()
    return None, ()


def _label(content: bytes, ending: str, where: str) -> int | str | None:
    """The label in a file: a whole number or a class name; None if a .json file holds none."""
    try:
        if ending != ".json":
            text = content.decode().strip()
            return int(text) if re.fullmatch(r"\d{1,9}", text) else text
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} of a sample cannot be read ({printable(str(error)[:100])}); {_AGAIN}") from error
    values = (document.get(key) for key in _LABEL_KEYS) if isinstance(document, dict) else iter(())
    return next((value for value in values if isinstance(value, int | str) and not isinstance(value, bool)), None)


def _numbered(labels: dict[str, int | str], ending: str, titles: list[str], uri: str) -> TreeLabels:
    origin = f"{ending} files"
    if any(isinstance(value, str) for value in labels.values()):
        names = tuple(sorted({str(value) for value in labels.values()}))
        number = {name: place for place, name in enumerate(names)}
        return TreeLabels(origin, names, {image: number[str(value)] for image, value in labels.items()})
    numbers = {image: int(value) for image, value in labels.items()}
    most = max(numbers.values(), default=-1)
    if min(numbers.values(), default=0) < 0 or most >= (len(titles) or MAX_CLASSES):
        raise DataError(f"{uri}: label {most} is outside 0..{(len(titles) or MAX_CLASSES) - 1}; {_AGAIN}")
    return TreeLabels(origin, tuple(titles) or tuple(map(str, range(most + 1))), numbers)
