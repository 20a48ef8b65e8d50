"""Raw image files wherever they lie, read without unpacking them: a folder, a .zip, a gs:// prefix, a .zip on gs://.

tree = open_tree("img_align_celeba.zip")
image = tree.read(tree.names()[0])
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

MAX_FILE = 256 << 20
"""Bytes of a single file; a larger one is no image."""


@dataclass(frozen=True)
class TreeLabels:
    """Labels that came with the files: where from, the class names by number, and the class number by file name."""

    origin: str
    class_names: tuple[str, ...]
    numbers: Mapping[str, int]


_LEFT_BEHIND = frozenset(
    (
        *("__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "recycler", "system volume information", "lost+found"),
        # Synology, QNAP and NetApp: thumbnails, deleted files, and earlier states of the whole folder.
        *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "~snapshot"),
    )
)
"""Names, in lower case, of what operating systems and network drives leave in folders and archives."""


class FileTree(Protocol):
    """Files by name. It stays with the process that opened it; any of its threads may read.

    Names are relative, with "/", and UTF-8: bytes of a stored name that are not are escaped by `gan_core.names.escape_name`.

    Attributes:
        uri: where it lies, as the user gave it.
        parallel_reads: number of threads that reading at once pays for.
        notes: sentences about the names for the user.
        labels: the labels that are stored with the files; None where folders or other files tell them.
        without: a folder in it, relative and with "/" at its end, that counts as absent; empty if there is none.
    """

    @property
    def uri(self) -> str: ...

    @property
    def parallel_reads(self) -> int: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def labels(self) -> TreeLabels | None: ...

    @property
    def without(self) -> str: ...

    def names(self) -> tuple[str, ...]:
        """Sorted names of all files but hidden ones and those that operating systems and network drives leave behind.

        Raises StorageError if a part cannot be listed.
        """
        ...

    def folders(self, folder: str) -> frozenset[str]:
        """Names of the folders directly in `folder`, which ends in "/" or is empty, that are known though they may be empty.

        Folders that hold files may be missing here. Raises StorageError.
        """
        ...

    def read(self, name: str) -> bytes:
        """The content of one file.

        Raises:
            UnusableInputError: stage "storage"; reason "corrupt or cut off", "too large" or "not readable".
            StorageError: the storage refused, or the archive has changed since it was opened.
        """
        ...

    def checksums(self) -> dict[str, str]:
        """A checksum of each file's content by name: "crc32:..." of a zip and of a folder, "crc32c:..." of a gs:// prefix.

        Raises StorageError.
        """
        ...

    def checksum(self, content: bytes) -> str:
        """The checksum that `checksums` gives a file of this content."""
        ...

    def changed(self) -> list[str]:
        """Sorted names of the files whose content is no longer that of `checksums`, among them those that are gone.

        Only files whose size or time has changed are read again. Raises StorageError.
        """
        ...

    def signature(self) -> str:
        """A hex digest of the names and sizes of all files, and of the checksums that the storage knows without reading.

        Copies of the files on another machine have the same signature. Raises StorageError.
        """
        ...


def is_hidden(name: str) -> bool:
    """Whether a file is hidden, or is one that an operating system or a network drive leaves behind in folders and archives."""
    return any(part.startswith(".") or part.lower() in _LEFT_BEHIND for part in name.split("/"))


def tree_signature(states: Iterable[tuple[str, int, str]]) -> str:
    """The signature of a tree with these (name, size in bytes, checksum or "")."""
    digest = hashlib.sha256()
    for name, size, checksum in states:
        digest.update(f"{name}\0{size}\0{checksum}\n".encode())
    return digest.hexdigest()


def changed_names(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Sorted names of the files of `before` that have another checksum in `now`, or none."""
    return sorted(name for name, checksum in before.items() if now.get(name) != checksum)
