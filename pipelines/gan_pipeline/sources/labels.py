"""Where the labels of images come from: the folders they lie in, a file, or nowhere."""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gan_core.errors import DataError, UnusableInputError
from gan_core.names import unescape_name
from gan_core.storage import open_folder
from gan_pipeline.dataset.options import Options
from gan_pipeline.sources.file_tree import FileTree, TreeLabels
from gan_pipeline.sources.image_index import ImageIndex
from gan_pipeline.sources.label_files import Row, json_document, read_label_file, stylegan_rows
from gan_pipeline.sources.splits import LEVELS, SplitFiles
from gan_pipeline.transforms.opening import IMAGE_SUFFIXES

FOLDERS, NONE = "folders", "none"

STYLEGAN, TINY_IMAGENET = "dataset.json", "val_annotations.txt"
_METADATA = ("metadata.jsonl", "metadata.csv", "labels.csv", "labels.txt", STYLEGAN)
_Splits = Mapping[str, SplitFiles]
_SHARD = re.compile(r"\d{5,18}")
_NUMBERED = re.compile(r"\D*(\d{1,18})\.\w+")
_IMAGES_PER_SHARD = 1000


@dataclass(frozen=True)
class Labels:
    """The labels of the images of all splits.

    Attributes:
        origin: where they came from, in words.
        titles: class name by image name; images of a split that is not written may be missing.
        names: the class names of the written splits, in order.
        tables: checksums of the files that were read for them, by name.
        used: those of these files that lie in the source, by name.
        shards: folders that were taken for shards though nothing but their names says so.
    """

    origin: str
    titles: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()

    @property
    def from_folders(self) -> bool:
        """Whether folders are classes."""
        return self.origin.startswith(FOLDERS)


def find_labels(tree: FileTree, names: Sequence[str], splits: _Splits, options: Options) -> Labels:
    """The labels of the images, as --labels says or, without it, as the source shows.

    Args:
        tree: the source.
        names: all its files.
        splits: its images.
        options: of the dataset.

    Raises:
        DataError: an image of a written split has no label, a label has no image, or a file of labels is damaged.
    """
    written = {split: files for split, files in splits.items() if split in options.splits}
    if options.labels == NONE:
        return Labels(NONE)
    if options.labels not in (None, FOLDERS):
        return _from_file(tree, names, splits, written, options)
    if options.labels is None and tree.labels:
        return _stored(tree.labels, written, tree.uri)
    if options.labels is None:
        stylegan = _stylegan(tree, names, splits, written)
        if stylegan:
            return stylegan
        shards = _shard_folders(splits)
        if shards:
            sure = all(_is_shard(path) for files in splits.values() for path in files.paths.values())
            return Labels(f"none ({_range(shards)} are shard folders)", shards=() if sure else shards)
    return _from_folders(tree, names, splits, written, options)


def _stored(stored: TreeLabels, written: _Splits, where: str) -> Labels:
    """The labels that are stored with the images. Raises DataError if an image of a written split has none."""
    for name in (name for files in written.values() for name in files.paths if name not in stored.numbers):
        raise DataError(
            f"{where}: {name} has no label in {stored.origin}; leave its split out of --split, or give --labels none"
        )
    titles = {name: stored.class_names[number] for name, number in stored.numbers.items()}
    return Labels(stored.origin, titles, stored.class_names)


def _from_file(tree: FileTree, names: Sequence[str], splits: _Splits, written: _Splits, options: Options) -> Labels:
    asked = str(options.labels)
    outside = _read_outside(asked)
    inside = [] if outside is not None else [name for name in names if f"/{name}".endswith(f"/{asked}")]
    if outside is None and not inside:
        raise DataError(f"--labels {asked}: no such file, neither here nor in {tree.uri}; give folders, none, or a file's path")
    contents = {asked: outside} if outside is not None else {name: _read_inside(tree, name) for name in inside}
    index = ImageIndex((name for files in splits.values() for name in files.paths), tree.uri)
    titles: dict[str, str] = {}
    places: dict[str, str] = {}
    for name, content in contents.items():
        where = name if outside is not None else f"{tree.uri}/{name}"
        base = "" if outside is not None else _folder_of(name)

        def is_image(cell: str, base: str = base, where: str = where) -> bool:
            return cell.strip().lower().endswith(IMAGE_SUFFIXES) or index.find(cell.strip(), base, where) is not None

        rows = read_label_file(content, where, options.label_attribute, is_image)
        _add_rows(rows, index, base, titles, places)
    _check_complete(written, titles, asked)
    tables = {f"labels {Path(name).name}": _checksum(content) for name, content in contents.items()}
    if len(contents) > 1:
        tables = {f"labels {name}": _checksum(content) for name, content in contents.items()}
    origin = ", ".join(inside) if inside else PurePosixPath(asked).name
    return Labels(origin, titles, _numbered(_titles(written, titles)), tables, tuple(inside))


def _read_outside(asked: str) -> bytes | None:
    """A file of labels that is named by its own path, or None if there is none."""
    if "://" in asked:
        folder, _, name = asked.rpartition("/")
        return open_folder(folder).read(name) if open_folder(folder).exists(name) else None
    path = Path(unescape_name(asked))
    return open_folder(str(path.parent)).read(path.name) if path.is_absolute() and path.is_file() else None


def _read_inside(tree: FileTree, name: str) -> bytes:
    try:
        return tree.read(name)
    except UnusableInputError as failure:
        raise DataError(f"{tree.uri}/{name}: {failure}") from failure


def _stylegan(tree: FileTree, names: Sequence[str], splits: _Splits, written: _Splits) -> Labels | None:
    """The labels of a dataset.json above all images, or None if there is no such file of dataset_tool."""
    images = [image for files in splits.values() for image in files.paths]
    found = [name for name in names if PurePosixPath(name).name == STYLEGAN]
    above = [name for name in found if all(image.startswith(_folder_of(name)) for image in images)]
    if not above:
        return None
    name = min(above, key=len)
    where, content = f"{tree.uri}/{name}", _read_inside(tree, name)
    document = json_document(content, where)
    if not isinstance(document, dict) or "labels" not in document:
        return None
    rows = stylegan_rows(document, where)
    tables = {STYLEGAN: _checksum(content)}
    if rows is None:
        return Labels(f"none (says {name})", tables=tables, used=(name,))
    titles: dict[str, str] = {}
    _add_rows(rows, ImageIndex(images), _folder_of(name), titles, {})
    _check_complete(written, titles, name)
    return Labels(name, titles, _numbered(_titles(written, titles)), tables, (name,))


def _from_folders(tree: FileTree, names: Sequence[str], splits: _Splits, written: _Splits, options: Options) -> Labels:
    titles = {name: path[0] for files in splits.values() for name, path in files.paths.items() if len(path) > 1}
    annotations = next((name for name in names if PurePosixPath(name).name == TINY_IMAGENET), None)
    tables: dict[str, str] = {}
    used: tuple[str, ...] = ()
    origin = FOLDERS
    if annotations:
        content, base = _read_inside(tree, annotations), _folder_of(annotations)
        listed: dict[str, str] = {}
        rows = _tiny_imagenet_rows(content, f"{tree.uri}/{annotations}")
        index = ImageIndex(image for files in splits.values() for image in files.paths if image.startswith(base))
        _add_rows(rows, index, base, listed, {})
        titles |= listed
        tables, used, origin = {TINY_IMAGENET: _checksum(content)}, (annotations,), f"{FOLDERS}, {annotations}"
    found = _titles(written, titles)
    if not found and options.labels == FOLDERS:
        raise DataError(
            f"{tree.uri}: --labels folders, and the images lie in no class folders, or all in one; leave --labels out, or "
            "give --labels none"
        )
    if not found:
        return Labels(NONE)
    _check_levels(found, tree.uri, options)
    for split, files in written.items():
        loose = next((name for name in files.paths if name not in titles), None)
        if loose and not any(name in titles for name in files.paths):
            raise DataError(
                f"{tree.uri}: the images of split {split} have no labels, such as {loose}; leave {split} out of --split, "
                "or give --labels none"
            )
        if loose:
            raise DataError(
                f"{tree.uri}: {loose} lies beside the class folders {', '.join(sorted(found)[:3])}; "
                "put every image into a class folder, or none"
            )
    return Labels(origin, titles, tuple(sorted(found)), tables, used)


def _check_levels(found: set[str], where: str, options: Options) -> None:
    level = next((title for title in sorted(found) if title.casefold() in LEVELS), None)
    if level and options.labels is None:
        others = ", ".join(sorted(found - {level})[:3])
        beside = f" beside {others}" if others else ""
        raise DataError(
            f"{where}: the folder {level}{beside} is not likely a class; give the folder that holds the images alone, "
            "or --labels folders if it is a class"
        )


def _tiny_imagenet_rows(content: bytes, where: str) -> list[Row]:
    """File and class of each line; the box behind them is not used."""
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not text ({error}); fetch it again") from error
    rows = []
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if len(cells) < 2 or not all(cells[:2]):
            raise DataError(f"{where}, line {number}: no file and class, parted by a tab; fetch it again")
        rows.append(Row(cells[0], cells[1], f"{where}, line {number}"))
    return rows


def _add_rows(rows: Sequence[Row], index: ImageIndex, base: str, titles: dict[str, str], places: dict[str, str]) -> None:
    """Give each row's label to its image. Raises DataError at a row without an image, or the second of an image."""
    for row in rows:
        name = index.find(row.file, base, row.place)
        if name is None:
            raise DataError(f"{row.place}: there is no image {row.file}; remove the line, or fetch the image")
        if name in places:
            raise DataError(f"{row.place}: a second label for {name}, the first is at {places[name]}; keep one")
        titles[name], places[name] = row.label, row.place


def _check_complete(written: _Splits, titles: Mapping[str, str], where: str) -> None:
    missing = [name for files in written.values() for name in files.paths if name not in titles]
    if missing:
        more = f" and {len(missing) - 1:,} more images" if len(missing) > 1 else ""
        raise DataError(f"{where}: no line for {missing[0]}{more}; add them, or take the images out of --source")


def _titles(written: _Splits, titles: Mapping[str, str]) -> set[str]:
    return {titles[name] for files in written.values() for name in files.paths if name in titles}


def _numbered(titles: set[str]) -> tuple[str, ...]:
    """In order: by number if all are whole numbers, else by letters."""
    whole = all(re.fullmatch(r"-?[0-9]{1,18}", title) for title in titles)
    return tuple(sorted(titles, key=lambda title: (int(title), title)) if whole else sorted(titles))


def _shard_folders(splits: _Splits) -> tuple[str, ...]:
    """The folders of all images if each name is a number of five digits or more, as `00000`; else none."""
    tops = {path[0] if len(path) > 1 else "" for files in splits.values() for path in files.paths.values()}
    numbers = all(_SHARD.fullmatch(top) for top in tops) and len({len(top) for top in tops}) == 1
    return tuple(sorted(tops)) if numbers else ()


def _is_shard(path: tuple[str, ...]) -> bool:
    """Whether the number of an image tells its folder, as dataset_tool (number / 1000) and FFHQ (rounded down) count."""
    number = _NUMBERED.fullmatch(path[-1])
    shard = int(number[1]) // _IMAGES_PER_SHARD if number else -1
    return len(path) == 2 and int(path[0]) in (shard, shard * _IMAGES_PER_SHARD)


def _range(folders: Sequence[str]) -> str:
    return folders[0] if len(folders) == 1 else f"{folders[0]} to {folders[-1]}"


def _folder_of(name: str) -> str:
    folder = name.rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _checksum(content: bytes) -> str:
    return f"crc32:{zlib.crc32(content):08x}"


def unused_tables(names: Sequence[str], used: Sequence[str]) -> tuple[str, ...]:
    """Files that may hold labels by their names and were not read."""
    return tuple(name for name in names if PurePosixPath(name).name.lower() in _METADATA and name not in used)
