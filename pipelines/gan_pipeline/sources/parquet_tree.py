"""Images in the Parquet files of a Hugging Face dataset, as a file tree.

A row holds an image as a struct of its file's bytes and path, and mostly a label; the features in the schema's metadata name
the classes (huggingface.co/docs/datasets/image_dataset). Row groups are read one after the other.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_core.text import printable
from gan_pipeline.sources.file_tree import TreeLabels
from gan_pipeline.sources.shard_splits import shard_splits
from gan_pipeline.sources.spooled_tree import SpooledTree
from gan_pipeline.transforms.opening import IMAGE_SUFFIXES

MAX_CLASSES = 100_000
"""Most classes of a dataset whose labels are numbers without names."""

_BATCH_ROWS = 16
_BUFFER_BYTES = 1 << 20
_IMAGE_COLUMNS = ("image", "img", "jpg", "png", "picture")
_LABEL_COLUMNS = ("label", "labels", "fine_label", "class", "cls", "target")
_AGAIN = "fetch the file again"


@dataclass(frozen=True)
class _Columns:
    """The columns to read: the image's, the label's or None, and the names of the classes if the schema has them."""

    image: str
    label: str | None
    class_names: tuple[str, ...] | None


_FAULTS = (OSError, ValueError, OverflowError)
"""Errors that pyarrow raises besides its own: for names that are not UTF-8, and for dates that Python does not have."""


def open_parquet(uri: str, folder: Folder, names: Sequence[str]) -> SpooledTree:
    """The images of Parquet files: `<split>/<number>.<ending>`, numbered from 0 in each split in the order of the files.

    Args:
        uri: the source, for messages.
        folder: holds the files.
        names: of the files.

    Raises:
        DataError: a file is damaged, holds no column of images, or has other classes than the first one.
        StorageError: a file cannot be read, or the temporary folder is full.
    """
    tree = SpooledTree(uri)
    splits = shard_splits(names)
    labels: dict[str, Any] = {}
    counts: dict[str, int] = {}
    first: _Columns | None = None
    for shard in sorted(names):
        where = folder.locate(shard)
        split = splits[shard] or "train"
        columns, rows = _read(folder, shard, where)
        if first is None:
            first = columns
        elif (columns.label, columns.class_names) != (first.label, first.class_names):
            raise DataError(f"{where}: has another column of labels, or other classes, than {sorted(names)[0]}; {_AGAIN}")
        for image, label in rows:
            number = counts.get(split, 0)
            counts[split] = number + 1
            content, ending = _image(image, f"{where}: image {number} of {split}")
            name = f"{split}/{number:08d}{ending}"
            tree.add(name, content)
            labels[name] = label
    if not labels or first is None:
        raise DataError(f"{uri}: its Parquet files hold no rows; {_AGAIN}")
    if first.label is not None:
        tree.labels = _labels(labels, first, uri)
    return tree


def _read(folder: Folder, name: str, where: str) -> tuple[_Columns, Iterator[tuple[Any, Any]]]:
    """The columns of a file, and its rows as (image, label)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(folder.open_binary(name))
    except (pa.ArrowException, *_FAULTS) as error:
        raise _damaged(where, error) from error
    columns = _columns(schema, where)

    def rows() -> Iterator[tuple[Any, Any]]:
        wanted = [column for column in (columns.image, columns.label) if column is not None]
        try:
            with folder.open_binary(name) as raw, pq.ParquetFile(raw, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
                for batch in file.iter_batches(_BATCH_ROWS, columns=wanted, use_threads=False):
                    images = batch.column(columns.image).to_pylist()
                    labels = batch.column(columns.label).to_pylist() if columns.label else [None] * len(images)
                    yield from zip(images, labels, strict=True)
        except (pa.ArrowException, *_FAULTS) as error:
            raise _damaged(where, error) from error

    return columns, rows()


def _damaged(where: str, error: Exception) -> DataError:
    return DataError(f"{where}: not a Parquet file, cut off or damaged ({printable(str(error)[:200])}); {_AGAIN}")


def _columns(schema: Any, where: str) -> _Columns:
    import pyarrow as pa

    features = _features(schema)
    images = [name for name, feature in features.items() if feature.get("_type") == "Image" and name in schema.names]
    if not images:
        images = [field.name for field in schema if _holds_bytes(field.type)]
    image = next((name for name in _IMAGE_COLUMNS if name in images), images[0] if len(images) == 1 else None)
    if image is None:
        held = ", ".join(map(printable, schema.names[:8]))
        raise DataError(f"{where}: no column of images, or several; it has {held}; give a dataset with one such column")
    named = [name for name, feature in features.items() if feature.get("_type") == "ClassLabel" and name in schema.names]
    plain = [
        field.name
        for field in schema
        if field.name in _LABEL_COLUMNS and (pa.types.is_integer(field.type) or pa.types.is_string(field.type))
    ]
    candidates = named or plain
    label = next((name for name in _LABEL_COLUMNS if name in candidates), candidates[0] if len(candidates) == 1 else None)
    names = features.get(label or "", {}).get("names")
    if isinstance(names, dict):
        names = [names[str(number)] for number in range(len(names))]
    return _Columns(image, label, tuple(map(str, names)) if names else None)


def _holds_bytes(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return "bytes" in [kind.field(number).name for number in range(kind.num_fields)]
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    """The features that the `datasets` library writes into the schema; empty if there are none that can be read."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}
    if not isinstance(features, dict):
        return {}
    return {str(name): feature for name, feature in features.items() if isinstance(feature, dict)}


def _image(value: Any, where: str) -> tuple[bytes, str]:
    """The bytes of an image file and the ending of its name; no bytes where a row has no image."""
    path = value.get("path") if isinstance(value, dict) else None
    content = value.get("bytes") if isinstance(value, dict) else value
    if content is None and path:
        raise DataError(
            f"{where} lies outside the Parquet file, as {printable(str(path))}; give the folder that holds the images"
        )
    ending = PurePosixPath(str(path or "")).suffix.lower()
    return content or b"", ending if ending in IMAGE_SUFFIXES else ".png"


def _labels(labels: dict[str, Any], columns: _Columns, uri: str) -> TreeLabels:
    origin = f"column {columns.label}"
    known = {name: label for name, label in labels.items() if label is not None and label != -1}
    if columns.class_names is None and any(isinstance(label, str) for label in known.values()):
        titles = tuple(sorted({str(label) for label in known.values()}))
        number = {title: place for place, title in enumerate(titles)}
        return TreeLabels(origin, titles, {name: number[str(label)] for name, label in known.items()})
    most = len(columns.class_names) if columns.class_names else MAX_CLASSES
    for name, label in known.items():
        if not isinstance(label, int) or not 0 <= label < most:
            raise DataError(f"{uri}: label {printable(str(label)[:40])} of {name} is outside 0..{most - 1}; {_AGAIN}")
    titles = columns.class_names or tuple(map(str, range(max(known.values(), default=-1) + 1)))
    return TreeLabels(origin, titles, known)
