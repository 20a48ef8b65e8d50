"""Images that the user names: files, folders, zips, objects and prefixes on gs://; and names for what is made of them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from gan_core.errors import DataError, UsageError
from gan_core.storage import open_file, open_folder
from gan_pipeline.sources.file_tree import FileTree, open_tree
from gan_pipeline.sources.zip_tree import MAX_FILE, is_hidden
from gan_pipeline.transforms.decode import IMAGE_SUFFIXES


@dataclass(frozen=True)
class ImageFile:
    """An image file, not read yet.

    Attributes:
        name: below the folder that was given, or without folder if it was given itself.
        where: its path or URI.
        read: its content. Raises UnusableInputError if it cannot be had, StorageError if the storage refuses.
    """

    name: str
    where: str
    read: Callable[[], bytes]

    @property
    def told(self) -> str:
        """`where`, for people: a name that is not Unicode is spelt."""
        return self.where.encode(errors="backslashreplace").decode()


def image_files(given: Sequence[str]) -> list[ImageFile]:
    """The images that were named, in that order, those of a folder by name.

    A file that is given itself is taken whatever its name; of a folder those files that end as images do.

    Raises:
        DataError: nothing is there, or a folder holds no images.
        StorageError: the storage refused.
        UsageError: an empty name.
    """
    return [file for uri in given for file in (_in_cloud(uri) if uri.startswith("gs://") else _on_disk(uri))]


def _on_disk(uri: str) -> list[ImageFile]:
    if not uri:
        raise UsageError("an empty image name; write a file, a folder, or gs://BUCKET/FOLDER")
    path = Path(uri)
    if not path.exists():
        open_folder(uri)
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
        held = f"but {len(names)} other files, such as {names[0]}" if names else "and no other files"
        raise DataError(f"{where}: no images ({', '.join(IMAGE_SUFFIXES)}) here, {held}; check the path")
    return images


def file_names(images: Sequence[ImageFile], endings: Sequence[str], out: str) -> list[tuple[str, ...]]:
    """Names of the PNG files that are made of each image: its own with each of the endings before ".png".

    Args:
        images: what they are made of; their subfolders stay.
        endings: such as ("", "-back").
        out: the folder that gets them.

    Raises:
        UsageError: two would have the same name, or one would replace an image.
    """
    names = [_names(image, endings) for image in images]
    made_of: dict[str, ImageFile] = {}
    for image, of_image in zip(images, names, strict=True):
        for name in of_image:
            first = made_of.setdefault(name, image)
            if first is not image:
                both = f"{first.told} and {image.told}"
                raise UsageError(f"{both} would both be written as {name}; rename one, or translate them in two calls")
    places = {_place(image.where): image for image in images}
    for name in made_of:
        replaced = places.get(_place(f"{out.rstrip('/')}/{name}"))
        if replaced:
            raise UsageError(f"-o {out}: {replaced.told} would be replaced by a translation; choose another folder")
    return names


def check_keeps(images: Sequence[ImageFile], out: str) -> None:
    """Raises UsageError if the file `out` is one of the images."""
    if _place(out) in {_place(image.where) for image in images}:
        raise UsageError(f"-o {out}: that is one of the images to translate; choose another name")


def _names(image: ImageFile, endings: Sequence[str]) -> tuple[str, ...]:
    path = PurePosixPath(image.name)
    return tuple(str(path.with_name(f"{path.stem}{ending}.png")) for ending in endings)


def _place(where: str) -> str:
    """One name for one file, however it was written."""
    return where if where.startswith("gs://") else os.path.realpath(where)
