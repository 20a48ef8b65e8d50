"""The interface of a folder, wherever it is stored; `open_folder` in opening.py makes one."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

WORK = ".work"
"""The subfolder for temporary files and for the records of finished parts, until the whole is committed."""


@dataclass(frozen=True)
class Entry:
    """One stored file, as a listing shows it.

    Attributes:
        name: relative to the folder, with "/".
        size: in bytes.
        version: differs whenever the content may have changed.
        checksum: what the storage knows without reading the file, such as "crc32c:e3069283"; None if it knows nothing.
    """

    name: str
    size: int
    version: str
    checksum: str | None


class Folder(ABC):
    """A folder of named byte objects. Every method raises StorageError when the storage refuses.

    Where a `version` is given, only that version is read: StorageError if the file has changed since.
    """

    uri: str

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether the named file exists. A file that is still being written does not."""

    @abstractmethod
    def entry(self, name: str) -> Entry:
        """Size, version and checksum of the named file. Raises StorageError if it does not exist."""

    @abstractmethod
    def entries(self, prefix: str = "") -> list[Entry]:
        """All files below the folder whose names start with `prefix`, sorted by name; empty if there is no folder."""

    def size(self, name: str) -> int:
        """Size of the named file in bytes."""
        return self.entry(name).size

    def names(self, prefix: str = "") -> list[str]:
        """Sorted names of all files below the folder that start with `prefix`; empty if there is no folder."""
        return [entry.name for entry in self.entries(prefix)]

    @abstractmethod
    def first_name(self) -> str | None:
        """The name of some file below the folder, found without listing all of them; None if there is none."""

    @abstractmethod
    def read(self, name: str, version: str | None = None, limit: int | None = None) -> bytes:
        """The whole content of the named file. Raises UnusableInputError if it is larger than `limit`, without reading on."""

    @abstractmethod
    def read_range(self, name: str, start: int, size: int, version: str | None = None) -> bytes:
        """`size` bytes of the named file from `start` on; fewer where it ends. Safe to call from several threads."""

    @abstractmethod
    def open_binary(self, name: str) -> IO[bytes]:
        """The file, open for reading at random without being copied to this machine. Close it, or use it in a with."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Replace the named file by `content`, atomically and durably."""

    @abstractmethod
    def write_new(self, name: str, content: bytes) -> bool:
        """Create the named file, atomically and durably; False, and nothing is changed, if it is there already."""

    @abstractmethod
    def update(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Replace the content of the named file, empty if there is none, by what `change` makes of it.

        Several processes may do so at once: each change is made of what the one before it left. It may be asked anew, and
        two that write the same count as one.
        """

    @abstractmethod
    def create(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A context manager that yields a binary file; the name appears only when the block ends well."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove the named file, if it is there."""

    @abstractmethod
    def remove_all(self, prefix: str) -> None:
        """Remove every file whose name starts with `prefix`."""

    @abstractmethod
    def local_file(self, name: str) -> AbstractContextManager[Path]:
        """A context manager that yields a local path with the file's content (a download for gs://)."""

    def locate(self, name: str) -> str:
        """The full path or URI of a name, for messages."""
        return f"{self.uri}/{name}" if name else self.uri
