"""Two unpaired domains: the folders A and B, or photographs of CelebA with and without an attribute."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from gan_core.errors import DataError
from gan_pipeline.dataset.options import Options
from gan_pipeline.dataset.suspicions import split_named
from gan_pipeline.dataset.understood import FoundSplit, Understood
from gan_pipeline.sources.celeba import FoundTables, by_partition, find_tables
from gan_pipeline.sources.celeba_attributes import attribute_column
from gan_pipeline.sources.celeba_tables import ATTRIBUTES, PARTITION
from gan_pipeline.sources.domains import domains
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.sources.files import FileSource
from gan_pipeline.sources.image_names import ending_counts, image_names, left_out
from gan_pipeline.sources.splits import SplitFiles, misplaced, top_folders
from gan_pipeline.transforms.transform import Resized, image_shape

_NO_TABLES = FoundTables({}, {}, (), ())


def open_unpaired(tree: FileTree, options: Options) -> FileSource:
    """Two domains, each a split of its own and of its own length.

    Raises:
        DataError: a split that was asked for is missing or empty, or folders lie beside those of the domains.
        UsageError: --domains names neither folders nor attributes.
    """
    assert options.resize and options.resampler
    names = tree.names()
    images = image_names(tree)
    found = domains(images, tree.uri, options.domain_folders)
    tables = _NO_TABLES if found or not options.domains else find_tables(tree, names, images)
    splits, folders = _of_folders(found) if found else ({}, {})
    if ATTRIBUTES in tables.tables:
        splits = _of_attributes(images, tables, options.domains or ())
    _check_present(splits, images, tree.uri, options)
    understood = Understood(
        splits={
            split: FoundSplit(inputs=len(files), written=split in options.splits, folders=folders.get(split, ()))
            for split, files in splits.items()
        },
        labels="none" if folders else f"none; domains by {ATTRIBUTES}",
        left_out=ending_counts(set(names).difference(images, tables.used)),
        misplaced=misplaced(found.get("train", ()) if found else ()),
    )
    return FileSource(
        tree,
        splits,
        Resized(image_shape(options), options.resize, options.resampler),
        options,
        tables=tables.checksums,
        notes=left_out(names, images, tables.used) + tables.notes + _in_neither(images, splits, tables),
        understood=understood,
    )


_Splits = dict[str, tuple[str, ...]]


def _of_folders(found: Mapping[str, tuple[SplitFiles, SplitFiles]]) -> tuple[_Splits, _Splits]:
    """The images of every split that has any, and the names of its folders."""
    files = {f"{split}{letter}": one for split, both in found.items() for letter, one in zip("AB", both, strict=True)}
    there = {split: one for split, one in files.items() if one.paths}
    return {split: one.names for split, one in there.items()}, {split: one.folders for split, one in there.items()}


def _of_attributes(images: Sequence[str], tables: FoundTables, wanted: Sequence[str]) -> _Splits:
    """Photographs with the first attribute alone and with the second alone, or with and without the only one."""
    attributes = tables.tables[ATTRIBUTES]
    first, *second = (attribute_column(attributes, name, "--domains") for name in wanted)
    splits: _Splits = {}
    for split, photographs in by_partition(images, tables.tables.get(PARTITION)).items():
        rows = {name: attributes.row(PurePosixPath(name).name) > 0 for name in photographs}
        other = {name: bool(row[second[0]]) if second else not row[first] for name, row in rows.items()}
        in_a = tuple(name for name, row in rows.items() if row[first] and not other[name])
        in_b = tuple(name for name, row in rows.items() if other[name] and not row[first])
        splits |= {f"{split}{letter}": found for letter, found in (("A", in_a), ("B", in_b)) if found}
    return splits


def _in_neither(images: Sequence[str], splits: _Splits, tables: FoundTables) -> tuple[str, ...]:
    """A note on the photographs that attributes put into no domain."""
    count = len(images) - sum(map(len, splits.values())) if tables.tables else 0
    return (f"{count:,} photographs have neither or both of the attributes, and are in no domain",) if count else ()


def _check_present(splits: _Splits, images: Sequence[str], where: str, options: Options) -> None:
    if not splits and options.domains and len(options.domains) == 1:
        raise DataError(
            f"{where}: --domains {options.domains[0]} is one name, so an attribute of CelebA, and there is no {ATTRIBUTES}.txt "
            "or .csv here; name two folders, or fetch the list"
        )
    missing = next((split for split in options.splits if split not in splits), None)
    if missing:
        a, b = options.domain_folders
        tops = top_folders(images)
        if not splits and len(tops) == 2 and all(tops) and not any(map(split_named, tops)):
            raise DataError(
                f"{where}: no folders {a} and {b}; if {tops[0]} and {tops[1]} are the domains, give --domains {','.join(tops)}"
            )
        raise DataError(
            f"{where}: no images for {missing}, found {', '.join(splits) or 'no such folder'}; --source takes a folder "
            f"with train{a} and train{b} (test{a}, test{b}), or {a} and {b}; --domains names other folders"
        )
