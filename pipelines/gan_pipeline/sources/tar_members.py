"""Files out of a tar archive nobody vouches for: as streams, by exact name, within bounds.

Python's tarfile reads far more than the few fields needed here, and in releases still in use an archive can make it hang
(CVE-2024-6232, CVE-2025-8194).
"""

import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import IO

from gan_core.errors import DataError
from gan_pipeline.sources.packed_file import open_unpacked

_BLOCK = 512
_CHUNK = 1 << 20
_REGULAR = (b"0", b"\0")
_GNU_NAME, _PAX = b"L", b"x"
_MAX_LONG_NAME = 1 << 20


@dataclass(frozen=True)
class TarMembers:
    """The wanted files of an archive, by name; see `open_tar`."""

    where: str
    _scratch: IO[bytes]
    _places: dict[str, tuple[int, int]]

    def exists(self, name: str) -> bool:
        """Whether the archive holds that file, and it was wanted."""
        return name in self._places

    def size(self, name: str) -> int:
        """Size of the named file in bytes."""
        return self._places[name][1]

    def read(self, name: str) -> bytes:
        """The whole content of the named file."""
        start, size = self._places[name]
        self._scratch.seek(start)
        return self._scratch.read(size)

    def locate(self, name: str) -> str:
        """The name with the archive's, for messages."""
        return f"{self.where}: {name}"


@contextmanager
def open_tar(
    path: Path, where: str, remedy: str, wanted: Collection[str], max_size: int, max_total: int
) -> Iterator[TarMembers]:
    """Copy the wanted files of a tar or tar.gz archive to an unnamed temporary file, for as long as the block lasts.

    Only regular files of exactly those names are taken (a leading "./" aside); links and all others are passed over.

    Args:
        path: the local archive.
        where: what to call it in messages.
        remedy: what to do when it is broken.
        wanted: names of files, with "/".
        max_size: of one of them, in bytes.
        max_total: of the unpacked archive, in bytes.

    Raises:
        DataError: no tar archive, cut off, damaged, a file comes twice, or something is too large.
        StorageError: the archive cannot be read, or the temporary file not be written.
    """
    with tempfile.TemporaryFile(prefix="ganmill-") as scratch:
        with open_unpacked(path, where, remedy) as content:
            archive = TarStream(content, where, remedy, max_total)
            places: dict[str, tuple[int, int]] = {}
            for name, size in archive.files():
                if name in places:
                    raise DataError(f"{where}: {name} comes twice; {remedy}")
                if name in wanted:
                    if size > max_size:
                        raise DataError(f"{where}: {name} takes {size} bytes, at most {max_size} are read; {remedy}")
                    places[name] = scratch.tell(), size
                    archive.copy(size, scratch)
                else:
                    archive.skip(size)
            archive.finish()
        yield TarMembers(where, scratch, places)


class TarStream:
    """A tar archive that is read from front to back. Names of GNU tar and of pax, which may be longer than 100 bytes, count."""

    def __init__(self, content: BufferedIOBase, where: str, remedy: str, max_total: int) -> None:
        self._content, self._where, self._remedy, self._max_total = content, where, remedy, max_total
        self._position = 0

    def files(self) -> Iterator[tuple[str, int]]:
        """Name and size in bytes of every entry; the name is "" for what is no regular file.

        `read`, `copy` or `skip` each entry's content before the next.
        """
        long_name = ""
        while any(header := self.read(_BLOCK)):
            name, size, kind = self._parse(header)
            if kind in (_GNU_NAME, _PAX):
                long_name = self._long_name(kind, size) or long_name
                self.read(-self._position % _BLOCK)
                continue
            yield ((long_name or name).removeprefix("./") if kind in _REGULAR else ""), size
            long_name = ""
            self.read(-self._position % _BLOCK)

    def copy(self, size: int, target: IO[bytes]) -> None:
        """Write the next `size` bytes to a file."""
        while size:
            chunk = self.read(min(size, _CHUNK))
            size -= len(chunk)
            target.write(chunk)

    def skip(self, size: int) -> None:
        """Pass over `size` bytes."""
        while size:
            size -= len(self.read(min(size, _CHUNK)))

    def finish(self) -> None:
        """Read what follows the last entry: only at its end does gzip check the content."""
        while chunk := self._content.read(_CHUNK):
            self._count(chunk)

    def read(self, size: int) -> bytes:
        """The next `size` bytes. Raises DataError if there are fewer."""
        content = self._content.read(size)
        self._count(content)
        if len(content) < size:
            raise DataError(f"{self._where}: cut off after {self._position} bytes of content; {self._remedy}")
        return content

    def _parse(self, header: bytes) -> tuple[str, int, bytes]:
        """Name, size in bytes and type of an entry."""
        try:
            size = int(header[124:136].strip(b"\0 ") or b"0", 8)
            checksum = int(header[148:156].strip(b"\0 "), 8)
        except ValueError:
            size = checksum = -1
        if size < 0 or checksum != sum(header[:148]) + sum(b" " * 8) + sum(header[156:]):
            if self._position == _BLOCK:
                raise DataError(f"{self._where}: not a tar archive (it starts with {header[:8].hex()}); {self._remedy}")
            raise DataError(f"{self._where}: damaged before byte {self._position}; {self._remedy}")
        name = _text(header[:100])
        prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
        return (f"{prefix}/{name}" if prefix else name), size, header[156:157]

    def _long_name(self, kind: bytes, size: int) -> str:
        """The name of the next entry, which this entry's content gives; "" if it gives none."""
        if size > _MAX_LONG_NAME:
            raise DataError(f"{self._where}: damaged before byte {self._position}, a name of {size} bytes; {self._remedy}")
        content = self.read(size)
        if kind == _GNU_NAME:
            return _text(content)
        found = re.search(rb"(?:^|\n)\d+ path=([^\n]*)\n", content)
        return _text(found[1]) if found else ""

    def _count(self, content: bytes) -> None:
        self._position += len(content)
        if self._position > self._max_total:
            raise DataError(f"{self._where}: unpacks to more than {self._max_total} bytes; {self._remedy}")


def _text(name: bytes) -> str:
    return name.partition(b"\0")[0].decode(errors="surrogateescape")
