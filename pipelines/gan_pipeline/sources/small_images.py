"""MNIST and the datasets made in its image, as idx, Keras' .npz or Kaggle's .csv files, in a folder or a .zip."""

import hashlib
from pathlib import Path

from gan_core.errors import DataError
from gan_pipeline.dataset.catalogue import DatasetInfo
from gan_pipeline.sources.array_files import FilePlace, find_file, open_files
from gan_pipeline.sources.base import Arrays
from gan_pipeline.sources.idx import FILE_PREFIX, open_idx
from gan_pipeline.sources.known_files import check_official, file_sum, unknown_note
from gan_pipeline.sources.number_files import load_csv, load_npy

_NEEDED = "--source takes the folder or .zip that holds the idx, .csv or .npz files"


def open_small_images(uri: str, info: DatasetInfo, splits: tuple[str, ...]) -> Arrays:
    """Open a dataset of small grey images.

    Args:
        uri: a folder or .zip with idx files, `<name>.npz`, `<name>_train.csv` and `<name>_test.csv`, or `train.csv`, at any
            depth; or the .npz itself. Idx files come first.
        info: what the files must contain.
        splits: of "train" and "test".

    Raises:
        DataError: a file is missing, damaged, or not of this dataset.
        StorageError: nothing is there, or it cannot be read.
    """
    place = open_files(uri, _NEEDED)
    prefixes = {split: f"emnist-{info.variant}-{split}" if info.variant else FILE_PREFIX[split] for split in splits}
    if any(_has_idx(place, prefix) for prefix in prefixes.values()):
        return open_idx(place, info, prefixes)
    archive = find_file(place, [f"{name}.npz" for name in _file_names(info)])
    if archive:
        with place.local_file(archive) as path:
            where = place.locate(archive)
            return _from_npz(open_files(str(path), _NEEDED), info, splits, where, _is_official(path, info, where))
    if find_file(place, ["x_train.npy"]):
        return _from_npz(place, info, splits, uri, Path(uri).is_file() and _is_official(Path(uri), info, uri))
    tables = {split: find_file(place, _csv_names(info, split)) for split in splits}
    if any(tables.values()):
        return _from_csv(place, info, tables)
    there = _splits_at(place, info)
    if there and not set(there) & set(splits):
        raise DataError(f"{uri}: holds {', '.join(there)} and not {', '.join(splits)}; name what to take with --split")
    return open_idx(place, info, prefixes)


def splits_there(uri: str, info: DatasetInfo) -> tuple[str, ...]:
    """The splits whose files are at a place that `open_small_images` can open. Raises what it raises."""
    return _splits_at(open_files(uri, _NEEDED), info)


def _splits_at(place: FilePlace, info: DatasetInfo) -> tuple[str, ...]:
    if find_file(place, [f"{name}.npz" for name in _file_names(info)] + ["x_train.npy"]):
        return info.splits
    return tuple(
        split
        for split in info.splits
        if _has_idx(place, f"emnist-{info.variant}-{split}" if info.variant else FILE_PREFIX[split])
        or find_file(place, _csv_names(info, split))
    )


def _has_idx(place: FilePlace, prefix: str) -> bool:
    stems = (f"{prefix}-images-idx3-ubyte", f"{prefix}-images.idx3-ubyte", f"{prefix}-labels-idx1-ubyte")
    return find_file(place, [f"{stem}{ending}" for stem in stems for ending in ("", ".gz")]) is not None


def _file_names(info: DatasetInfo) -> list[str]:
    name = f"{info.name}-{info.variant}" if info.variant else info.name
    return [name, name.replace("_", "-")]


def _csv_names(info: DatasetInfo, split: str) -> list[str]:
    return [*(f"{name}{mark}{split}.csv" for name in _file_names(info) for mark in "_-"), f"{split}.csv"]


def _is_official(path: Path, info: DatasetInfo, where: str) -> bool:
    with open(path, "rb") as file:
        return check_official(info.name, "archive", (file_sum(file),), where)


def _from_npz(place: FilePlace, info: DatasetInfo, splits: tuple[str, ...], where: str, official: bool) -> Arrays:
    digest, opened = hashlib.sha256(), {}
    for split in splits:
        names = tuple(find_file(place, [f"{letter}_{split}.npy"]) for letter in "xy")
        if names[0] is None or names[1] is None:
            raise DataError(f"{where}: holds no arrays x_{split} and y_{split}; fetch it again")
        opened[split] = load_npy(place, (names[0], names[1]), info, digest)
    return Arrays(opened, digest.hexdigest(), () if official else _own_data(info, where))


def _from_csv(place: FilePlace, info: DatasetInfo, tables: dict[str, str | None]) -> Arrays:
    digest, opened = hashlib.sha256(), {}
    for split, name in tables.items():
        if name is None:
            raise DataError(f"{place.uri}: no file {_csv_names(info, split)[0]} here; {_NEEDED}")
        opened[split] = load_csv(place, name, info, digest)
    return Arrays(opened, digest.hexdigest(), _own_data(info, place.uri))


def _own_data(info: DatasetInfo, where: str) -> tuple[str, ...]:
    return (unknown_note(info.name, where),) if info.official_files else ()
