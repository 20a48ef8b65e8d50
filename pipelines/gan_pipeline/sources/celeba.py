"""CelebA, or any other photographs with a face each: a folder, a zip, a gs:// prefix.

The tables that come with CelebA are used where they lie among the photographs or beside them.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from gan_core.errors import DataError, UnusableInputError
from gan_core.storage import open_folder
from gan_core.text import printable
from gan_pipeline.dataset.features import AttributesFeature, Feature, LabelFeature
from gan_pipeline.dataset.options import FaceMode, Options, ResizeRule
from gan_pipeline.dataset.records import Value
from gan_pipeline.dataset.understood import FoundSplit, Understood
from gan_pipeline.sources.celeba_attributes import AttributeLabel, attribute_label, attributes_of
from gan_pipeline.sources.celeba_hq import hq_key, is_mask
from gan_pipeline.sources.celeba_tables import (
    ATTRIBUTES,
    ENDINGS,
    HQ_ATTRIBUTES,
    HQ_MAPPING,
    LANDMARKS,
    MAX_TABLE,
    PARTITION,
    Table,
    file_name,
    parse_mapping,
    parse_table,
    stem,
)
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.image_names import ending_counts, image_names, left_out
from gan_pipeline.sources.splits import SplitFiles, misplaced
from gan_pipeline.transforms.opening import IMAGE_SUFFIXES
from gan_pipeline.transforms.transform import CenterFace, DetectedFace, Resized, Transform, image_shape

_SPLITS = ("train", "validation", "test")
_TITLES = (ATTRIBUTES, PARTITION, LANDMARKS, HQ_ATTRIBUTES, HQ_MAPPING)
_COLUMNS = {PARTITION: 1, LANDMARKS: 10}


def open_celeba(tree: FileTree, options: Options) -> FileSource:
    """Photographs as a source of faces, with attributes, splits and landmarks where the tables are.

    Without a partition table every photograph is in "train".

    Raises:
        DataError: there are no photographs, or a table does not match them.
    """
    names = tree.names()
    photographs = _photographs(tree)
    found = find_tables(tree, names, photographs, bool(options.allow_short_tables))
    tables = found.tables
    attributes, landmarks = tables.get(ATTRIBUTES), tables.get(LANDMARKS)
    features: dict[str, Feature] = {"attributes": AttributesFeature(names=attributes.columns)} if attributes else {}
    label = attribute_label(attributes, options)
    if label:
        features["label"] = LabelFeature(class_names=label.class_names)
    splits = by_partition(photographs, tables.get(PARTITION))
    return FileSource(
        tree,
        splits,
        _face_transform(options),
        options,
        features,
        values_of=lambda name: _values(attributes, label, name),
        face_of=lambda name: {"celeba_landmarks": _points(landmarks, name)} if landmarks else {},
        tables=found.checksums,
        notes=left_out(names, photographs, found.used) + found.notes,
        understood=_understood(splits, label, options).model_copy(
            update={
                "left_out": ending_counts(set(names).difference(photographs, found.used)),
                "misplaced": {}
                if PARTITION in tables
                else misplaced([SplitFiles({n: tuple(n.split("/")) for n in photographs})]),
            }
        ),
    )


@dataclass(frozen=True)
class FoundTables:
    """The tables that lie with the photographs.

    Attributes:
        tables: by the name of their file without ending.
        checksums: of their content.
        used: names of their files in the source, as far as they lie in it.
        notes: sentences for the user.
    """

    tables: Mapping[str, Table]
    checksums: Mapping[str, str]
    used: tuple[str, ...]
    notes: tuple[str, ...]


def find_tables(tree: FileTree, names: Sequence[str], photographs: Sequence[str], allow_short: bool = False) -> FoundTables:
    """Read the tables among the photographs or beside them.

    Raises DataError if one does not match the photographs, or has another number of rows than it promises and this is not
    allowed.
    """
    found = {title: table for title in _TITLES if (table := _find(tree, names, title))}
    parsed = {title: parse_table(one.content, one.where, allow_short) for title, one in found.items() if title != HQ_MAPPING}
    tables, notes = _matched(found, parsed)
    if tables:
        _check_names(photographs, tree.uri)
    notes += tuple(note for title, table in tables.items() for note in _check(title, table, photographs))
    checksums = {f"{title} table": f"crc32:{zlib.crc32(one.content):08x}" for title, one in found.items()}
    used = tuple(one.where.removeprefix(f"{tree.uri}/") for one in found.values())
    return FoundTables(tables, checksums, used, notes)


def _matched(found: Mapping[str, "_Found"], parsed: Mapping[str, Table]) -> tuple[dict[str, Table], tuple[str, ...]]:
    """The tables with the names that the photographs have in them, and sentences for the user."""
    tables = dict(parsed)
    notes: tuple[str, ...] = ()
    if HQ_MAPPING in found:
        where = found[HQ_MAPPING].where
        key = hq_key(parse_mapping(found[HQ_MAPPING].content, where), where)
        tables = {title: replace(table, key=key) for title, table in parsed.items()}
        if tables.pop(LANDMARKS, None):
            notes = (f"{found[LANDMARKS].where}: landmarks of CelebA's photographs, not of CelebA-HQ's, and not used",)
    if tables.pop(HQ_ATTRIBUTES, None):
        tables[ATTRIBUTES] = replace(parsed[HQ_ATTRIBUTES], key=hq_key(None, found[HQ_ATTRIBUTES].where))
    return tables, notes


def _photographs(tree: FileTree) -> tuple[str, ...]:
    """Images, and arrays in .npy files, that are no masks. Raises DataError if there are none."""
    arrays = [name for name in tree.names() if name.lower().endswith(".npy")]
    if not arrays:
        return tuple(name for name in image_names(tree) if not is_mask(name))
    images = [name for name in tree.names() if name.lower().endswith(IMAGE_SUFFIXES) and not is_mask(name)]
    return tuple(sorted(arrays + images))


def _values(attributes: Table | None, label: AttributeLabel | None, name: str) -> Mapping[str, Value]:
    """The features of a record besides the image."""
    values: dict[str, Value] = {"attributes": attributes_of(attributes, name)} if attributes else {}
    return values | ({"label": label.number(name)} if label else {})


def _understood(splits: Mapping[str, Sequence[str]], label: AttributeLabel | None, options: Options) -> Understood:
    found = {}
    for split, names in splits.items():
        counts = Counter(map(label.number, names)) if label else Counter[int]()
        classes = {title: counts[number] for number, title in enumerate(label.class_names)} if label else {}
        found[split] = FoundSplit(inputs=len(names), written=split in options.splits, classes=classes)
    origin = f"attribute {label.table.columns[label.column]} of {PurePosixPath(label.table.where).name}" if label else "none"
    return Understood(splits=found, labels=origin, labels_chosen=label is not None)


@dataclass(frozen=True)
class _Found:
    """A table as a file: where it is, and its content."""

    where: str
    content: bytes


def _find(tree: FileTree, names: Sequence[str], title: str) -> _Found | None:
    """A table among the photographs, or in the folder that holds them or their zip. Raises DataError if it is too large."""
    wanted = [f"{title}{ending}" for ending in ENDINGS]
    for name in names:
        if PurePosixPath(name).name in wanted:
            return _limited(f"{tree.uri}/{name}", partial(tree.read, name))
    parent = tree.uri.rpartition("/")[0] if tree.uri.startswith("gs://") else str(Path(tree.uri).resolve().parent)
    if parent == "gs:/":
        return None
    beside = open_folder(parent)
    for name in wanted:
        if beside.exists(name):
            return _limited(beside.locate(name), partial(beside.read, name, limit=MAX_TABLE))
    return None


def _limited(where: str, read: Callable[[], bytes]) -> _Found:
    try:
        content = read()
    except UnusableInputError as failure:
        raise DataError(f"{where}: cannot be read as a table: {failure}; fetch it again, or remove it") from failure
    if len(content) > MAX_TABLE:
        raise DataError(f"{where}: {len(content):,} bytes, no table of CelebA takes more than {MAX_TABLE:,}; fetch it again")
    return _Found(where, content)


def _check_names(photographs: Sequence[str], where: str) -> None:
    """Raise DataError if two photographs would have the same row."""
    owners: dict[str, str] = {}
    for name in photographs:
        other = owners.setdefault(stem(file_name(name)), name)
        if other != name:
            raise DataError(
                f"{where}: two photographs share a file name, {printable(other)} and {printable(name)}, so the tables beside "
                "them cannot tell which is meant; give a folder that holds one of them"
            )


def _check(title: str, table: Table, photographs: Sequence[str]) -> list[str]:
    """Raise DataError unless every photograph has its row in a table; sentences on what is odd about it."""
    if len(table.columns) != _COLUMNS.get(title, len(table.columns)):
        raise DataError(f"{table.where}: {len(table.columns)} columns where {_COLUMNS[title]} are expected; fetch it again")
    for name in photographs:
        table.row(name)
    notes = list(table.notes)
    spare = len(table.rows) - len(photographs)
    if spare > 0:
        notes.append(f"{table.where}: {spare:,} rows belong to photographs that are not there")
    by_stem = sum(table.key(name) not in table.rows for name in photographs)
    if by_stem:
        notes.append(f"{table.where}: {by_stem:,} photographs have another ending than in the table and are found without it")
    return notes


def by_partition(photographs: Sequence[str], partition: Table | None) -> dict[str, tuple[str, ...]]:
    """The photographs of each split; without a partition table all are in "train"."""
    if partition is None:
        return {"train": tuple(photographs)}
    splits: dict[str, list[str]] = {}
    for name in photographs:
        number = int(partition.row(name)[0])
        if not 0 <= number < len(_SPLITS):
            raise DataError(f"{partition.where}: {printable(name)} is in part {number}; 0, 1 and 2 are known")
        splits.setdefault(_SPLITS[number], []).append(name)
    return {split: tuple(names) for split, names in splits.items()}


def _points(table: Table, name: str) -> list[list[int]]:
    """Five (x, y) in the order of the detector's landmarks."""
    points: list[list[int]] = table.row(name).reshape(-1, 2).tolist()
    return points


def _face_transform(options: Options) -> Transform:
    """The transform of a face dataset, by its --faces option."""
    assert options.resampler and options.box and options.margin is not None
    size = options.size[0]
    if options.faces is FaceMode.MTCNN:
        return DetectedFace(size, options.box, options.margin, options.resampler)
    if options.faces is FaceMode.CENTER:
        return CenterFace(size, options.resampler)
    return Resized(image_shape(options), ResizeRule.CROP, options.resampler)
