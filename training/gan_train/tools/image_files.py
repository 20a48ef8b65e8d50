"""Finds the images that the user names (files, folders, zips, objects and prefixes on gs://), and names their translations."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from gan_core.errors import DataError, UsageError
from gan_core.storage import open_file, open_folder
from gan_pipeline.sources.file_tree import MAX_FILE, FileTree, is_hidden
from gan_pipeline.sources.open_tree import open_tree
from gan_pipeline.transforms.decode import IMAGE_SUFFIXES


@dataclass(frozen=True)
class ImageFile:
    """An image file that is read later.

    Attributes:
        name: relative to the folder that the user named; the name of the file if the user named the file.
        where: path or URI.
        read: returns the content. Raises UnusableInputError if it is unreadable, StorageError if the storage refuses.
    """

    name: str
    where: str
    read: Callable[[], bytes]

    @property
    def display_name(self) -> str:
        """`where` for messages: bytes that are not Unicode are escaped."""
        return self.where.encode(errors="backslashreplace").decode()


def image_files(uris: Sequence[str]) -> list[ImageFile]:
    """All images that the user named, in that order; those of a folder are sorted by name.

    A named file is taken whatever its ending; in a folder, only files with the ending of an image.

    Raises:
        DataError: a path does not exist, or a folder holds no images.
        StorageError: the storage refused.
        UsageError: a name is empty.
    """
    return [file for uri in uris for file in (_in_cloud(uri) if uri.startswith("gs://") else _on_disk(uri))]


def _on_disk(uri: str) -> list[ImageFile]:
    if not uri:
        raise UsageError("an empty image name; write a file, a folder, or gs://BUCKET/FOLDER")
    open_folder(uri)  # Says what is wrong with a name that no file can have.
    path = Path(uri)
    if not path.exists():
        raise DataError(f"{uri}: not found; check the path")
    if path.is_dir() or uri.lower().endswith(".zip"):
        return _in_tree(open_tree(uri))
    folder = open_tree(str(path.parent))
    return [ImageFile(path.name, uri, partial(folder.read, path.name))]


def _in_cloud(uri: str) -> list[ImageFile]:
    if uri.lower().endswith(".zip"):
        return _in_tree(open_tree(uri))
    if "/" in uri.removeprefix("gs://").strip("/"):
        parent, name = open_file(uri.rstrip("/"))
        if parent.exists(name):
            return [ImageFile(name, uri, partial(parent.read, name, limit=MAX_FILE))]
    folder = open_folder(uri)
    names = [name for name in folder.names() if not is_hidden(name)]
    return [
        ImageFile(name, folder.locate(name), partial(folder.read, name, limit=MAX_FILE)) for name in _images(names, folder.uri)
    ]


def _in_tree(tree: FileTree) -> list[ImageFile]:
    where = tree.uri.rstrip("/")
    return [ImageFile(name, f"{where}/{name}", partial(tree.read, name)) for name in _images(tree.names(), where)]


def _images(names: Sequence[str], where: str) -> list[str]:
    images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
    if not images:
        other_files = f"but {len(names)} other files, such as {names[0]}" if names else "and no other files"
        raise DataError(f"{where}: no images ({', '.join(IMAGE_SUFFIXES)}) here, {other_files}; check the path")
    return images


def file_names(images: Sequence[ImageFile], endings: Sequence[str], out: str) -> list[tuple[str, ...]]:
    """The names of the output files of each image: its own name and subfolders, an ending, and ".png".

    Args:
        images: the inputs.
        endings: one for each output of an image, such as ("", "-back").
        out: output folder.

    Raises:
        UsageError: two outputs would have the same name, or one would replace an input.
    """
    names = [_names(image, endings) for image in images]
    made_of: dict[str, ImageFile] = {}
    for image, of_image in zip(images, names, strict=True):
        for name in of_image:
            first = made_of.setdefault(name, image)
            if first is not image:
                both = f"{first.display_name} and {image.display_name}"
                raise UsageError(f"{both} would both be written as {name}; rename one, or translate them in two calls")
    inputs_by_place = {_canonical(image.where): image for image in images}
    for name in made_of:
        replaced = inputs_by_place.get(_canonical(f"{out.rstrip('/')}/{name}"))
        if replaced:
            raise UsageError(f"-o {out}: {replaced.display_name} would be replaced by a translation; choose another folder")
    return names


def check_not_an_input(images: Sequence[ImageFile], out: str) -> None:
    """Raise UsageError if the file `out` is one of the images."""
    if _canonical(out) in {_canonical(image.where) for image in images}:
        raise UsageError(f"-o {out}: that is one of the images to translate; choose another name")


def _names(image: ImageFile, endings: Sequence[str]) -> tuple[str, ...]:
    path = PurePosixPath(image.name)
    return tuple(str(path.with_name(f"{path.stem}{ending}.png")) for ending in endings)


def _canonical(where: str) -> str:
    """The one name of a file that may be written in several ways."""
    return where if where.startswith("gs://") else os.path.realpath(where)
