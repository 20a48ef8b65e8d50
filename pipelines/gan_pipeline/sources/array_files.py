"""The files of the small datasets by name, from a folder or from a .zip as Kaggle packs them."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from gan_core.errors import DataError, StorageError, UnusableInputError
from gan_core.storage import Folder, open_folder, storage_errors
from gan_pipeline.sources.open_tree import open_tree
from gan_pipeline.sources.zip_tree import ZipTree


class FilePlace(Protocol):
    """A folder, or the files of an archive."""

    @property
    def uri(self) -> str: ...

    def names(self) -> Sequence[str]: ...

    def locate(self, name: str) -> str: ...

    def local_file(self, name: str) -> AbstractContextManager[Path]: ...


class ZippedFiles:
    """The files of a .zip, unpacked one at a time into a temporary file while they are read."""

    def __init__(self, tree: ZipTree) -> None:
        self.uri, self._tree = tree.uri, tree

    def names(self) -> Sequence[str]:
        return self._tree.names()

    def locate(self, name: str) -> str:
        return f"{self.uri}: {name}"

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        try:
            content = self._tree.read(name)
        except UnusableInputError as failure:
            raise DataError(f"{self.locate(name)}: {failure}; unpack the archive and give the folder") from failure
        with storage_errors(Path(tempfile.gettempdir())), tempfile.NamedTemporaryFile(prefix="ganmill-") as file:
            file.write(content)
            file.flush()
            del content
            yield Path(file.name)


def open_files(uri: str, needed: str) -> FilePlace:
    """The files at a place.

    Args:
        uri: a folder or a .zip, local or on gs://, or a folder that holds one .zip and no other file.
        needed: what --source takes, for messages.

    Raises:
        DataError: a file stands there that is no .zip.
        StorageError: nothing is there.
    """
    folder = open_folder(uri)
    if _is_file(uri):
        return _unzipped(uri, needed)
    names = folder.names()
    if not names:
        raise StorageError(f"{folder.uri}: not found, or empty; {needed}")
    if len(names) == 1 and names[0].lower().endswith(".zip"):
        return _unzipped(f"{folder.uri}/{names[0]}", needed)
    return folder


def _is_file(uri: str) -> bool:
    if not uri.startswith("gs://"):
        return Path(uri).is_file()
    parent, _, name = uri.rstrip("/").rpartition("/")
    return parent != "gs:/" and open_folder(parent).exists(name)


def _unzipped(uri: str, needed: str) -> FilePlace:
    parent, slash, name = uri.rpartition("/")
    folder: Folder = open_folder(parent or slash or ".")
    if not folder.read_range(name, 0, 4).startswith(b"PK"):
        raise DataError(f"{uri}: a single file; {needed}: give {parent or '.'}")
    tree = open_tree(uri)
    assert isinstance(tree, ZipTree)
    return ZippedFiles(tree)


def find_file(place: FilePlace, candidates: Sequence[str]) -> str | None:
    """The first of the file names `candidates` that is there; if it is in several folders, the least deep, then by name."""
    by_name: dict[str, list[str]] = {}
    for name in place.names():
        by_name.setdefault(PurePosixPath(name).name.lower(), []).append(name)
    for candidate in candidates:
        if found := by_name.get(candidate.lower()):
            return min(found, key=lambda name: (name.count("/"), name))
    return None
