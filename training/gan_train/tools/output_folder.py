"""Whether a folder may be filled with single images."""

import os
from collections.abc import Iterator
from pathlib import Path

from gan_core.errors import UsageError
from gan_core.names import file_ending
from gan_core.storage import Folder, LocalFolder, open_folder

_HEAD_BYTES = 1 << 16
_MARK = b"recipe\0"
"""The key of a text chunk that every picture of these commands has near its beginning."""


def check_output_folder(uri: str, force: bool) -> None:
    """Check that a name is meant for a folder, which is empty or holds only PNG files, the first by one of these commands.

    Args:
        uri: of the folder, local or gs://; it need not exist.
        force: accept any folder.

    Raises:
        UsageError: the name is that of a file, or the folder holds other files; the message names the first.
        StorageError: it cannot be listed.
    """
    ending = file_ending(uri)
    if ending:
        raise UsageError(
            f"-o {uri}: no {ending} file is written; write a name ending in .png for a grid, or that of a folder for single "
            "images, here with a slash at its end"
        )
    if force:
        return
    folder = open_folder(uri)
    for number, name in enumerate(_visible_names(folder)):
        is_ours = name.endswith(".png") and (number > 0 or _MARK in folder.read_range(name, 0, _HEAD_BYTES))
        if not is_ours:
            raise UsageError(
                f"-o {uri}: holds other files, such as {name}; choose another folder, or write into it with --force"
            )


def _visible_names(folder: Folder) -> Iterator[str]:
    """Names of files that are not hidden; those on this machine one by one, for a folder such as / holds millions."""
    if not isinstance(folder, LocalFolder):
        yield from (name for name in folder.names() if not any(part.startswith(".") for part in name.split("/")))
        return
    for base, folders, files in os.walk(folder.path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(base, name).relative_to(folder.path).as_posix() for name in sorted(files) if not name.startswith("."))
