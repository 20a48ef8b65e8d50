"""Which files of a tree are images to prepare, and which are not."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from gan_core.documents import parse_json
from gan_core.errors import DataError, UnusableInputError
from gan_pipeline.dataset.manifest import MANIFEST
from gan_pipeline.dataset.preview import PREVIEW
from gan_pipeline.dataset.suspicions import ARCHIVE_ENDINGS
from gan_pipeline.sources.file_tree import FileTree
from gan_pipeline.transforms.opening import HEAD_BYTES, IMAGE_SUFFIXES, is_image

_DOCUMENT = TypeAdapter(dict[str, Any])

NO_ENDING = "no ending"
"""Stands for the ending of a file name that has none."""

_OTHER_ENDINGS = (
    "txt csv tsv json jsonl md rst xml html htm yaml yml toml ini cfg log db sqlite py ipynb sh js css pdf doc docx xls xlsx "
    "mat npy npz pkl pt pth h5 hdf5 parquet tfrecord record lock sha256 md5 zip tar gz tgz bz2 xz 7z rar mp3 wav mp4 mov avi "
    "mkv webm svg ico psd ai eps heic raw dng"
)
_ARCHIVES = (*ARCHIVE_ENDINGS, ".gz", ".bz2", ".xz")
_NEVER_IMAGES = frozenset(f".{ending}" for ending in _OTHER_ENDINGS.split())
"""Endings, in lower case, of files whose content is not looked at: they say that a file is something else than an image."""


def image_names(tree: FileTree) -> tuple[str, ...]:
    """The files that are images by their ending, or by their content where the ending says nothing.

    Dataset folders that `gan-pipeline prepare` wrote are left out whole: their preview is no example.

    Raises:
        DataError: there are none, or the tree is such a dataset folder itself.
        StorageError: a file cannot be read.
    """
    names = tree.names()
    prepared = _prepared_folders(tree, names)
    if "" in prepared:
        raise DataError(f"{tree.uri}: a dataset folder that 'gan-pipeline prepare' wrote; --source takes the raw images")
    images = tuple(name for name in names if not name.startswith(prepared) and _is_image(tree, name))
    if not images:
        held = f"it holds {len(names)} other files, such as {names[0]}" if names else "it is empty"
        archive = next((name for name in names if name.lower().endswith(_ARCHIVES)), None)
        if archive:
            raise DataError(f"{tree.uri}: no images here, but {archive}; unpack it, then give it or its folder with --source")
        raise DataError(f"{tree.uri}: no images ({', '.join(IMAGE_SUFFIXES)}) here, {held}; check --source")
    return images


def ending_counts(names: Iterable[str]) -> dict[str, int]:
    """How many files have each ending, in lower case, the most frequent first."""
    counts = Counter(PurePosixPath(name).suffix.lower() or NO_ENDING for name in names)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def left_out(names: Sequence[str], images: Sequence[str], used: Sequence[str] = ()) -> tuple[str, ...]:
    """A note that counts the files that are neither images nor used otherwise, by their endings; empty if there are none."""
    rest = sorted(set(names) - set(images) - set(used))
    if not rest:
        return ()
    endings = ", ".join(f"{count:,} {ending}" for ending, count in ending_counts(rest).items())
    return (f"{len(rest):,} files are not images and were left out ({endings}), such as {rest[0]}",)


def _is_image(tree: FileTree, name: str) -> bool:
    ending = PurePosixPath(name).suffix.lower()
    if ending in IMAGE_SUFFIXES:
        return True
    if ending in _NEVER_IMAGES:
        return False
    try:
        return is_image(tree.read(name)[:HEAD_BYTES])
    except UnusableInputError:
        return False


def _prepared_folders(tree: FileTree, names: Sequence[str]) -> tuple[str, ...]:
    """The folders that hold a dataset of ours, each with a slash at its end; "" is the tree itself."""
    held = set(names)
    folders = [name.removesuffix(MANIFEST) for name in names if PurePosixPath(name).name == MANIFEST]
    return tuple(folder for folder in folders if f"{folder}{PREVIEW}" in held and _is_manifest(tree, f"{folder}{MANIFEST}"))


def _is_manifest(tree: FileTree, name: str) -> bool:
    try:
        document = parse_json(tree.read(name), _DOCUMENT, name, "leave it out")
    except (UnusableInputError, DataError):
        return False
    return {"schema_version", "digest", "checksum"} <= document.keys()
