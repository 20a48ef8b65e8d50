"""Opens folders and files by their local path or gs:// URI."""

import os
from pathlib import Path

from gan_core.errors import StorageError, UsageError
from gan_core.storage.folder import Folder
from gan_core.storage.gcs import CloudFolder
from gan_core.storage.local import LocalFolder
from gan_core.text import short_repr

_PATH_BYTES, _NAME_BYTES = 4096, 255
"""The longest path of Linux, with the zero byte at its end, and the longest name in it, in bytes."""


def open_folder(uri: str | os.PathLike[str]) -> LocalFolder | CloudFolder:
    """The folder at a local path or a gs:// URI. Nothing is created or contacted yet.

    A gs:// request that fails for a passing reason is repeated for $GANMILL_STORAGE_TIMEOUT seconds (300).

    Raises:
        UsageError: the name is empty, longer than any file system takes, or it is on gs:// and not UTF-8.
        StorageError: it is neither a path nor gs://BUCKET.
    """
    text = os.fspath(uri)
    if not text:
        raise UsageError("an empty folder name; write a local path or gs://BUCKET/FOLDER")
    if text.startswith("gs://"):
        if not _is_utf8(text):
            raise UsageError(f"{text}: names on gs:// are UTF-8, and this one is not; check its encoding")
        return CloudFolder(text)
    if "://" in text:
        raise StorageError(f"{text}: only local paths and gs:// are supported; copy the files to one of those")
    _check_length(text)
    return LocalFolder(text)


def _check_length(path: str) -> None:
    """Raise UsageError where the system would refuse every use of a local path, even the question whether it exists."""
    if "\0" in path or len(os.fsencode(path)) >= _PATH_BYTES or max(map(len, os.fsencode(path).split(b"/"))) > _NAME_BYTES:
        raise UsageError(f"{short_repr(path)} is too long for a path, or holds a zero byte; write a shorter one")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def cache_folder(variable: str) -> str:
    """The folder that an environment variable names, by default ~/.cache/ganmill; local or gs://.

    Raises StorageError if the variable is not set and this user has no home folder.
    """
    if named := os.environ.get(variable):
        return named
    try:
        return str(Path.home() / ".cache" / "ganmill")
    except RuntimeError as error:
        raise StorageError(f"~/.cache/ganmill: this user has no home folder; set {variable}, or HOME, to a folder") from error


def open_file(uri: str | os.PathLike[str]) -> tuple[Folder, str]:
    """The folder of a file at a local path or a gs:// URI, and the file's name in it. Raises what `open_folder` raises."""
    parent, slash, name = os.fspath(uri).rpartition("/")
    if not name or parent == "gs:/":
        raise UsageError(f"{os.fspath(uri)!r} names no file; write a path such as out/grid.png or gs://BUCKET/out/grid.png")
    if "://" not in parent:
        _check_length(name)
    return open_folder(parent or slash or "."), name


def write_file(uri: str | os.PathLike[str], content: bytes) -> None:
    """Replace the file at a local path or a gs:// URI, atomically and durably. Raises what `open_file` and writing raise."""
    folder, name = open_file(uri)
    folder.write(name, content)
