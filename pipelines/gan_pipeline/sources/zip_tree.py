"""The files inside a .zip, read one by one from wherever it lies. Nothing that the archive says of itself is believed."""

import struct
import zipfile
import zlib
from dataclasses import dataclass

from gan_core.errors import DataError, StorageError, UnusableInputError
from gan_core.storage import Folder
from gan_core.storage.gcs_client import TRANSFERS
from gan_pipeline.sources.file_tree import MAX_FILE, TreeLabels, changed_names, is_hidden, tree_signature
from gan_pipeline.sources.zip_names import raw_name, shown_name, zip_names

_HEADER = struct.Struct("<4s5H3L2H")
_HEADER_MARK = b"PK\3\4"
_LONGEST_NAME = 2 * 0xFFFF
_ENCRYPTED = 0x1
_NOT_A_ZIP = (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, EOFError, OSError, struct.error)


@dataclass(frozen=True)
class _Packed:
    """One file of the archive.

    Attributes:
        start: byte of the archive at which its header begins.
        end: the first byte that no longer belongs to it.
        packed_size: bytes of its compressed content.
        size: bytes of its content.
        crc: crc32 of its content, by the archive's directory.
        method: zipfile.ZIP_STORED or zipfile.ZIP_DEFLATED.
        raw_name: bytes of its name in the archive.
    """

    start: int
    end: int
    packed_size: int
    size: int
    crc: int
    method: int
    raw_name: bytes


class ZipTree:
    """The files of one .zip, local or on gs://, as a FileTree.

    The archive is read a piece at a time, and only in the version that was there when it was opened. Every file's content is
    checked against the crc32 in the archive's directory.
    """

    labels: TreeLabels | None = None
    without = ""

    def __init__(self, uri: str, folder: Folder, name: str, parallel_reads: int, encoding: str | None = None) -> None:
        """Read the directory of the archive.

        Args:
            uri: the archive, for messages.
            folder: where it lies.
            name: its name there.
            parallel_reads: see FileTree.
            encoding: code page of names that are not UTF-8; None keeps their bytes.

        Raises:
            DataError: it is cut off or damaged, or it is not to be trusted.
            UsageError: a name is not text in `encoding`.
            StorageError: it is not there, or may not be read.
        """
        self.uri, self.parallel_reads = uri, parallel_reads
        self._folder, self._name, self._encoding = folder, name, encoding
        self._version = folder.entry(name).version
        self._files, self._folders, self.notes = self._read_directory()

    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    def folders(self, folder: str) -> frozenset[str]:
        below = (name.removeprefix(folder) for name in self._folders if name.startswith(folder))
        return frozenset(name.split("/")[0] for name in below if name)

    def read(self, name: str) -> bytes:
        packed = self._files.get(name)
        if not packed:
            raise DataError(f"{self.uri}: holds no {name} any more; start the command again")
        if max(packed.size, packed.packed_size) > MAX_FILE:
            raise UnusableInputError("storage", "too large", f"more than {MAX_FILE} bytes")
        raw = self._read_raw(packed)
        for _ in range(TRANSFERS - 1):
            content = _unpack(raw, packed)
            if content is not None:
                return content
            # A damaged archive gives the same bytes twice, a damaged transfer does not.
            again = self._read_raw(packed)
            if again == raw:
                raise UnusableInputError("storage", "corrupt or cut off", name)
            raw = again
        content = _unpack(raw, packed)
        if content is None:
            raise StorageError(
                f"{self.uri}: {name} arrives damaged and each time differently, {TRANSFERS} times now; "
                "check the network, then run the same command again"
            )
        return content

    def _read_raw(self, packed: _Packed) -> bytes:
        return self._folder.read_range(self._name, packed.start, packed.end - packed.start, self._version)

    def checksums(self) -> dict[str, str]:
        return {name: f"crc32:{packed.crc:08x}" for name, packed in self._files.items()}

    def checksum(self, content: bytes) -> str:
        return f"crc32:{zlib.crc32(content):08x}"

    def changed(self) -> list[str]:
        if self._folder.entry(self._name).version == self._version:
            return []
        now = ZipTree(self.uri, self._folder, self._name, self.parallel_reads, self._encoding)
        return changed_names(self.checksums(), now.checksums())

    def signature(self) -> str:
        now = (
            self
            if self._folder.entry(self._name).version == self._version
            else ZipTree(self.uri, self._folder, self._name, self.parallel_reads, self._encoding)
        )
        return tree_signature((name, packed.size, f"{packed.crc:08x}") for name, packed in now._files.items())

    def _read_directory(self) -> tuple[dict[str, _Packed], tuple[str, ...], tuple[str, ...]]:
        """The files, the folders that have entries of their own, and sentences for the user."""
        entries, end = self._entries()
        names, notes = zip_names(entries, self.uri, self._encoding)
        files: dict[str, _Packed] = {}
        folders: list[str] = []
        # From the last in the archive to the first, so that each ends where the one after it begins.
        for entry, name in sorted(zip(entries, names, strict=True), key=lambda pair: pair[0].header_offset, reverse=True):
            packed = self._check(entry, end)
            end = packed.start
            if entry.is_dir():
                folders.append(name)
                continue
            if name in files:
                raise DataError(f"{self.uri}: holds {name} twice; pack it again")
            files[name] = packed
        shown = {name: files[name] for name in sorted(files) if not is_hidden(name)}
        return shown, tuple(name for name in folders if not is_hidden(name)), notes

    def _entries(self) -> tuple[list[zipfile.ZipInfo], int]:
        """The entries of the archive's directory, and the byte at which the directory begins.

        The directory has no checksum, so from gs:// it is read until two transfers agree.
        """
        found = self._parse_directory()
        if self.parallel_reads > 1:
            for _ in range(TRANSFERS):
                before, found = found, self._parse_directory()
                if _facts(before) == _facts(found):
                    break
            else:
                raise StorageError(
                    f"{self.uri}: its directory arrives damaged and each time differently, {TRANSFERS} times now; "
                    "check the network, then run the same command again"
                )
        if isinstance(found, Exception):
            raise DataError(f"{self.uri}: cut off or damaged ({found}); fetch it again") from found
        return found

    def _parse_directory(self) -> "_Directory":
        with self._folder.open_binary(self._name) as file:
            try:
                with zipfile.ZipFile(file) as archive:
                    return archive.infolist(), archive.start_dir
            except _NOT_A_ZIP as error:
                return error

    def _check(self, entry: zipfile.ZipInfo, end: int) -> _Packed:
        """Raise DataError if an entry betrays an archive that no honest packer made, or that cannot be read here."""
        where = f"{self.uri}: {shown_name(entry)!r}"
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
            raw_name=raw_name(entry),
        )


_Directory = tuple[list[zipfile.ZipInfo], int] | Exception
"""The entries of an archive and the byte at which its directory begins, or why it cannot be read."""


def _facts(directory: _Directory) -> object:
    """All that is used of a directory, to compare it with that of another transfer."""
    if isinstance(directory, Exception):
        return str(directory)
    entries, start = directory
    return start, [
        (
            one.orig_filename,
            one.flag_bits,
            one.header_offset,
            one.compress_size,
            one.file_size,
            one.CRC,
            one.compress_type,
            one.extra,
        )
        for one in entries
    ]


def _unpack(raw: bytes, packed: _Packed) -> bytes | None:
    """The content of an entry, given its bytes from its header on; None if it is damaged.

    Never holds more than one byte beyond the size it should have.
    """
    if len(raw) < _HEADER.size:
        return None
    mark, *_, name_size, extra_size = _HEADER.unpack_from(raw)
    name = raw[_HEADER.size : _HEADER.size + name_size]
    begin = _HEADER.size + name_size + extra_size
    content = raw[begin : begin + packed.packed_size]
    if mark != _HEADER_MARK or name != packed.raw_name:
        return None
    if packed.method == zipfile.ZIP_DEFLATED:
        try:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, packed.size + 1)
        except zlib.error:
            return None
    return content if len(content) == packed.size and zlib.crc32(content) == packed.crc else None
