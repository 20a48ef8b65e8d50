"""Files that come in a stream, such as the rows of a Parquet file, as a file tree: copied once to a temporary file.

Memory does not grow with the number of bytes; the disk of the temporary folder does.
"""

import hashlib
import tempfile
import threading
import zlib
from pathlib import Path

from gan_core.errors import DataError
from gan_core.storage import storage_errors
from gan_core.text import printable
from gan_pipeline.sources.file_tree import TreeLabels


class SpooledTree:
    """See FileTree. `add` all files first."""

    parallel_reads = 1
    without = ""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.labels: TreeLabels | None = None
        self.notes: tuple[str, ...] = ()
        with storage_errors(Path(tempfile.gettempdir())):
            self._spool = tempfile.TemporaryFile(prefix="ganmill-")  # noqa: SIM115 (open as long as the tree)
        self._places: dict[str, tuple[int, int]] = {}
        self._checksums: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, name: str, content: bytes) -> None:
        """Append a file. Raises DataError if there is one of that name, StorageError if the disk is full."""
        if name in self._places:
            raise DataError(f"{self.uri}: holds {printable(name)} twice; pack it again")
        with storage_errors(Path(tempfile.gettempdir())):
            self._places[name] = (self._spool.seek(0, 2), len(content))
            self._spool.write(content)
        self._checksums[name] = self.checksum(content)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._places))

    def folders(self, folder: str) -> frozenset[str]:
        return frozenset()

    def read(self, name: str) -> bytes:
        start, size = self._places[name]
        with self._lock:
            self._spool.seek(start)
            return self._spool.read(size)

    def checksums(self) -> dict[str, str]:
        return dict(sorted(self._checksums.items()))

    def checksum(self, content: bytes) -> str:
        return f"crc32:{zlib.crc32(content):08x}"

    def changed(self) -> list[str]:
        return []

    def signature(self) -> str:
        return hashlib.sha256(repr(sorted(self._checksums.items())).encode()).hexdigest()
