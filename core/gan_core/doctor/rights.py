"""Checks of the rights on a folder, one by one: to list, write, read and delete, by a small file that is removed again."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gan_core.doctor.check import Check, Result
from gan_core.doctor.machine import gibibytes
from gan_core.errors import StorageError
from gan_core.ownership import own_name
from gan_core.storage import WORK, LocalFolder, open_folder, storage_errors
from gan_core.storage.gcs_client import patience

_CONTENT = b"written by doctor to see whether it may write; safe to remove\n"

_PATIENCE = 10.0
"""Seconds for which a request to a storage that does not answer is repeated."""


class FolderRights:
    """The checks of one folder, which share a file in it.

    Args:
        uri: the folder, a path or gs:// URI.
        option: the option that named it, for the names of the checks.
    """

    def __init__(self, uri: str, option: str) -> None:
        self._folder, self._option = open_folder(uri), option
        self._file, self._written = f"{WORK}/doctor-{own_name()}", False
        self._made: list[Path] = []

    def read_checks(self, name: str) -> list[Check]:
        """The checks of a folder that is read only, in which there is a file of that name."""

        def read() -> Result:
            with patience(_PATIENCE):
                size = len(self._folder.read(name))
            return Result("ok", f"{self._folder.locate(name)}: read, {size:,} bytes")

        return [self._check("list", self._list), self._check("read", read)]

    def write_checks(self) -> list[Check]:
        """The checks of a folder that is written, in this order."""
        rights = [("list", self._list), ("write", self._write), ("read", self._read), ("delete", self._delete)]
        return [self._check(name, look) for name, look in rights]

    def _check(self, right: str, look: Callable[[], Result]) -> Check:
        return Check(f"{self._option} {right}", look)

    def _list(self) -> Result:
        if isinstance(self._folder, LocalFolder):
            with storage_errors(self._folder.path), suppress(FileNotFoundError):
                next(self._folder.path.iterdir(), None)
        else:
            with patience(_PATIENCE):
                # Nothing has this prefix: a folder of a million files is answered as fast as an empty one.
                self._folder.entries(self._file)
        return Result("ok", f"{self._folder.uri}: may be listed")

    def _write(self) -> Result:
        if isinstance(self._folder, LocalFolder):
            path = self._folder.path.absolute()
            self._made = [folder for folder in (path, *path.parents) if not folder.exists()]
        with patience(_PATIENCE):
            self._folder.write(self._file, _CONTENT)
        self._written = True
        free = f", {gibibytes(shutil.disk_usage(self._folder.path).free)} free" if isinstance(self._folder, LocalFolder) else ""
        return Result("ok", f"{self._folder.uri}: may be written{free}")

    def _read(self) -> Result:
        if not self._written:
            return Result("warning", f"{self._folder.uri}: not tried, since nothing could be written to be read")
        with patience(_PATIENCE):
            content = self._folder.read(self._file)
        if content != _CONTENT:
            raise StorageError(
                f"{self._folder.locate(self._file)}: another content was read than was written; try another disk"
            )
        return Result("ok", f"{self._folder.uri}: what was written was read again, byte for byte")

    def _delete(self) -> Result:
        if not self._written:
            return Result("warning", f"{self._folder.uri}: not tried, since nothing could be written to be deleted")
        with patience(_PATIENCE):
            self._folder.remove(self._file)
        if isinstance(self._folder, LocalFolder):
            # A command that is to begin here finds what it would have found: folders in which there is something stay.
            for folder in (self._folder.path / WORK, *self._made):
                with suppress(OSError):
                    folder.rmdir()
        return Result("ok", f"{self._folder.uri}: what was written was deleted again")
