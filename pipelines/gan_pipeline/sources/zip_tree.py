"""The files inside a .zip, read one by one from wherever it lies. What it says of itself is not believed."""

import hashlib
import posixpath
import re
import struct
import zipfile
import zlib
from typing import NamedTuple

from gan_core.errors import DataError, UnusableInputError
from gan_core.storage import Folder

MAX_FILE = 256 << 20
"""Bytes of a single file; a larger one is no image."""

_LEFT_BEHIND = ("__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information", "lost+found")
_HEADER = struct.Struct("<4s5H3L2H")
_HEADER_MARK = b"PK\3\4"
_LONGEST_NAME = 2 * 0xFFFF
_ENCRYPTED, _UTF8 = 0x1, 0x800
_UNSAFE = re.compile(r"/|[A-Za-z]:|.*[\\\0]|(.*/)?\.\.(/|$)", re.DOTALL)
_NOT_A_ZIP = (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, EOFError, OSError, struct.error)


def is_hidden(name: str) -> bool:
    """Whether a file is hidden, or is what macOS or Windows leaves behind in folders and archives."""
    return any(part.startswith(".") or part.lower() in _LEFT_BEHIND for part in name.split("/"))


class _Packed(NamedTuple):
    """Where a file lies in the archive: header and data from `start` on, and nothing of it from `end` on."""

    start: int
    end: int
    packed_size: int
    size: int
    crc: int
    method: int
    name: str
    encoding: str


class ZipTree:
    """The files of one .zip, local or on gs://; the archive is read a piece at a time and never changes meanwhile.

    Every entry's content is checked against the crc32 in the archive's directory.
    """

    def __init__(self, uri: str, folder: Folder, name: str, parallel_reads: int) -> None:
        """Read the directory of the archive.

        Raises:
            DataError: it is cut off or damaged, or it is not to be trusted.
            StorageError: it is not there, or may not be read.
        """
        self.uri, self.parallel_reads, self.without = uri, parallel_reads, ""
        self._folder, self._name = folder, name
        self._version = folder.entry(name).version
        self._files = self._read_directory()

    def names(self) -> tuple[str, ...]:
        """See FileTree."""
        return tuple(self._files)

    def read(self, name: str) -> bytes:
        """See FileTree."""
        packed = self._files.get(name)
        if not packed:
            raise DataError(f"{self.uri}: holds no {name} any more; start the command again")
        if max(packed.size, packed.packed_size) > MAX_FILE:
            raise UnusableInputError("storage", "too large", f"more than {MAX_FILE} bytes")
        return _unpack(self._folder.read_range(self._name, packed.start, packed.end - packed.start, self._version), packed)

    def checksums(self) -> dict[str, str]:
        """See FileTree."""
        return {name: f"crc32:{packed.crc:08x}" for name, packed in self._files.items()}

    def signature(self) -> str:
        """See FileTree."""
        entry = self._folder.entry(self._name)
        return hashlib.sha256(f"{entry.size}\0{entry.version}".encode()).hexdigest()

    def _read_directory(self) -> dict[str, _Packed]:
        with self._folder.open_binary(self._name) as file:
            try:
                with zipfile.ZipFile(file) as archive:
                    entries, end = archive.infolist(), archive.start_dir
            except _NOT_A_ZIP as error:
                raise DataError(f"{self.uri}: cut off or damaged ({error}); fetch it again") from error
        files: dict[str, _Packed] = {}
        for entry in sorted(entries, key=lambda entry: entry.header_offset, reverse=True):
            packed = self._check(entry, end)
            end = packed.start
            if entry.is_dir():
                continue
            name = posixpath.normpath(entry.filename)
            if name in files:
                raise DataError(f"{self.uri}: holds {name} twice; pack it again")
            files[name] = packed
        return {name: files[name] for name in sorted(files) if not is_hidden(name)}

    def _check(self, entry: zipfile.ZipInfo, end: int) -> _Packed:
        """Raise DataError if an entry betrays an archive that no honest packer made, or that we cannot read."""
        where = f"{self.uri}: {entry.orig_filename!r}"
        if not entry.filename or _UNSAFE.match(entry.orig_filename):
            raise DataError(f"{where} is not a name to be trusted; pack the images again with plain relative names")
        if entry.flag_bits & _ENCRYPTED:
            raise DataError(f"{where} is encrypted; unpack it with its password and give the folder")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{where} is compressed in a way not read here; pack it again with the usual deflate")
        start = entry.header_offset
        if start < 0 or start + _HEADER.size + entry.compress_size > end:
            raise DataError(f"{where} overlaps its neighbour: the archive is damaged or a trap; fetch it again")
        return _Packed(
            start=start,
            end=min(end, start + _HEADER.size + _LONGEST_NAME + entry.compress_size),
            packed_size=entry.compress_size,
            size=entry.file_size,
            crc=entry.CRC,
            method=entry.compress_type,
            name=entry.orig_filename,
            encoding="utf-8" if entry.flag_bits & _UTF8 else "cp437",
        )


def _unpack(raw: bytes, packed: _Packed) -> bytes:
    """The content of an entry, from its header on. Never makes more than one byte beyond the size it should have."""
    damaged = UnusableInputError("storage", "corrupt or cut off", packed.name)
    if len(raw) < _HEADER.size:
        raise damaged
    mark, *_, name_size, extra_size = _HEADER.unpack_from(raw)
    name = raw[_HEADER.size : _HEADER.size + name_size]
    begin = _HEADER.size + name_size + extra_size
    data = raw[begin : begin + packed.packed_size]
    if mark != _HEADER_MARK or name.decode(packed.encoding, "replace") != packed.name:
        raise damaged
    content = data
    if packed.method == zipfile.ZIP_DEFLATED:
        try:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, packed.size + 1)
        except zlib.error as error:
            raise damaged from error
    if len(content) != packed.size or zlib.crc32(content) != packed.crc:
        raise damaged
    return content
