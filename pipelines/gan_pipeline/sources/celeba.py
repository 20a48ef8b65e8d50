"""CelebA, or any other photographs with a face each: a folder, a zip, a gs:// prefix.

The tables that come with CelebA are used where they lie among the photographs or beside them.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, UsageError
from gan_core.storage import open_folder
from gan_pipeline.dataset.features import AttributesFeature, Feature, LabelFeature
from gan_pipeline.dataset.options import FaceMode, Options, ResizeRule
from gan_pipeline.dataset.records import Value
from gan_pipeline.dataset.understood import FoundSplit, Understood
from gan_pipeline.sources.celeba_tables import ATTRIBUTES, ENDINGS, LANDMARKS, PARTITION, Table, parse_table
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.image_names import ending_counts, image_names, left_out
from gan_pipeline.transforms.transform import CenterFace, DetectedFace, Resized, Transform, image_shape

_SPLITS = ("train", "validation", "test")
_COLUMNS = {PARTITION: 1, LANDMARKS: 10}


def open_celeba(tree: FileTree, options: Options) -> FileSource:
    """Photographs as a source of faces, with attributes, splits and landmarks where the tables are.

    Without a partition table every photograph is in "train".

    Raises:
        DataError: there are no photographs, or a table does not match them.
    """
    names = tree.names()
    photographs = image_names(tree)
    found = find_tables(tree, names, photographs)
    tables = found.tables
    attributes, landmarks = tables.get(ATTRIBUTES), tables.get(LANDMARKS)
    features: dict[str, Feature] = {"attributes": AttributesFeature(names=attributes.columns)} if attributes else {}
    asked = options.label_attribute
    label = None if asked is None else attribute_column(attributes, asked, "--label-attribute")
    if attributes and label is not None:
        features["label"] = LabelFeature(class_names=(f"not {attributes.columns[label]}", attributes.columns[label]))
    splits = by_partition(photographs, tables.get(PARTITION))
    return FileSource(
        tree,
        splits,
        _face_transform(options),
        options,
        features,
        values_of=lambda name: _values(attributes, label, name) if attributes else {},
        face_of=lambda name: {"celeba_landmarks": _points(landmarks, name)} if landmarks else {},
        tables=found.checksums,
        notes=left_out(names, photographs, found.used) + found.notes,
        understood=_understood(splits, attributes, label, options).model_copy(
            update={"left_out": ending_counts(set(names).difference(photographs, found.used))}
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


def find_tables(tree: FileTree, names: Sequence[str], photographs: Sequence[str]) -> FoundTables:
    """Read the tables among the photographs or beside them. Raises DataError if one does not match the photographs."""
    found = {stem: _find(tree, names, stem) for stem in (ATTRIBUTES, PARTITION, LANDMARKS)}
    contents = {stem: where_and_content for stem, where_and_content in found.items() if where_and_content}
    tables = {stem: parse_table(content, where) for stem, (where, content) in contents.items()}
    notes = _check(tables, photographs, tree.uri)
    checksums = {f"{stem} table": f"crc32:{zlib.crc32(content):08x}" for stem, (_, content) in contents.items()}
    used = tuple(where.removeprefix(f"{tree.uri}/") for where, _ in contents.values())
    return FoundTables(tables, checksums, used, notes)


def attribute_column(attributes: Table | None, asked: str, option: str) -> int:
    """The column of an attribute, whose name may be in any case. Raises UsageError if the option names none."""
    if attributes is None:
        raise UsageError(f"{option} {asked} needs {ATTRIBUTES}.txt or .csv among the photographs or beside them")
    lower = [name.casefold() for name in attributes.columns]
    if asked.casefold() not in lower:
        raise UsageError(f"{option} {asked}: no such attribute; choose from: {', '.join(attributes.columns)}")
    return lower.index(asked.casefold())


def _values(attributes: Table, label: int | None, name: str) -> Mapping[str, Value]:
    """The features of a record besides the image."""
    values = _attributes(attributes, name)
    return {"attributes": values} | ({} if label is None else {"label": int(values[label])})


def _understood(
    splits: Mapping[str, Sequence[str]], attributes: Table | None, label: int | None, options: Options
) -> Understood:
    found = {}
    for split, names in splits.items():
        classes: dict[str, int] = {}
        if attributes and label is not None:
            count = sum(int(_attributes(attributes, name)[label]) for name in names)
            classes = {f"not {attributes.columns[label]}": len(names) - count, attributes.columns[label]: count}
        found[split] = FoundSplit(inputs=len(names), written=split in options.splits, classes=classes)
    origin = "none"
    if attributes and label is not None:
        origin = f"attribute {attributes.columns[label]} of {PurePosixPath(attributes.where).name}"
    return Understood(splits=found, labels=origin, labels_chosen=label is not None)


def _find(tree: FileTree, names: Sequence[str], stem: str) -> tuple[str, bytes] | None:
    """A table among the photographs, or in the folder that holds them or their zip: where it is, and its content."""
    wanted = [f"{stem}{ending}" for ending in ENDINGS]
    for name in names:
        if PurePosixPath(name).name in wanted:
            return f"{tree.uri}/{name}", tree.read(name)
    parent = tree.uri.rpartition("/")[0] if tree.uri.startswith("gs://") else str(Path(tree.uri).resolve().parent)
    if parent == "gs:/":
        return None
    beside = open_folder(parent)
    for name in wanted:
        if beside.exists(name):
            return beside.locate(name), beside.read(name)
    return None


def _check(tables: Mapping[str, Table], photographs: Sequence[str], where: str) -> tuple[str, ...]:
    """Raise DataError unless every photograph has its row in every table; a note on rows without a photograph."""
    if not tables:
        return ()
    short = [PurePosixPath(name).name for name in photographs]
    if len(set(short)) < len(short):
        raise DataError(f"{where}: two photographs share a file name, so the tables beside them cannot tell which is meant")
    notes = []
    for stem, table in tables.items():
        if len(table.columns) != _COLUMNS.get(stem, len(table.columns)):
            raise DataError(f"{table.where}: {len(table.columns)} columns where {_COLUMNS[stem]} are expected; fetch it again")
        for name in short:
            table.row(name)
        spare = len(table.rows) - len(short)
        if spare:
            notes.append(f"{table.where}: {spare:,} rows belong to photographs that are not there")
    return tuple(notes)


def by_partition(photographs: Sequence[str], partition: Table | None) -> dict[str, tuple[str, ...]]:
    """The photographs of each split; without a partition table all are in "train"."""
    if partition is None:
        return {"train": tuple(photographs)}
    splits: dict[str, list[str]] = {}
    for name in photographs:
        number = int(partition.row(PurePosixPath(name).name)[0])
        if not 0 <= number < len(_SPLITS):
            raise DataError(f"{partition.where}: {name} is in part {number}; 0, 1 and 2 are known")
        splits.setdefault(_SPLITS[number], []).append(name)
    return {split: tuple(names) for split, names in splits.items()}


def _attributes(table: Table, name: str) -> NDArray[np.int64]:
    """1 where CelebA says 1, 0 where it says -1."""
    return (table.row(PurePosixPath(name).name) > 0).astype(np.int64)


def _points(table: Table, name: str) -> list[list[int]]:
    """Five (x, y) in the order of the detector's landmarks."""
    points: list[list[int]] = table.row(PurePosixPath(name).name).reshape(-1, 2).tolist()
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
