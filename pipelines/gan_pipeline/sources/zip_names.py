"""The file names of a .zip as text (PKWARE, .ZIP File Format Specification, 4.4.4 and appendix D).

A name is UTF-8 if its flag says so. Without the flag it is bytes of a code page that the archive does not name.
"""

import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence

from gan_core.errors import DataError, UsageError
from gan_core.names import escape_name
from gan_core.text import printable

_UTF8 = 0x800
_UNICODE_PATH = 0x7075
_UNSAFE = re.compile(r"/|[A-Za-z]:|.*\0|(.*/)?\.\.(/|$)", re.DOTALL)
_UNFLAGGED = "cp437"
"""How zipfile shows a name without the flag; this code page has a character for every byte."""


def raw_name(entry: zipfile.ZipInfo) -> bytes:
    """The bytes of a name as the archive holds them."""
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8 else _UNFLAGGED)


def zip_names(entries: Sequence[zipfile.ZipInfo], where: str, encoding: str | None) -> tuple[list[str], tuple[str, ...]]:
    """The names of all entries in order, relative and escaped by `escape_name`, and sentences for the user.

    Names without the UTF-8 flag are UTF-8 if all of them are valid UTF-8. Else they are text in the code page `encoding`;
    without one their bytes are taken as they are, as a folder on Linux holds them.

    Raises:
        DataError: a name is no relative path, or it leads out of the archive.
        UsageError: a name is not text in the code page.
    """
    unflagged = [entry for entry in entries if not entry.flag_bits & _UTF8 and _unicode_path(entry) is None]
    foreign = [raw for raw in map(raw_name, unflagged) if not _is_utf8(raw)]
    page = encoding if foreign and encoding else "utf-8"
    names = [_checked(_decode(entry, page, where), where) for entry in entries]
    return names, _notes(foreign, where, encoding)


def _notes(foreign: list[bytes], where: str, encoding: str | None) -> tuple[str, ...]:
    if foreign and not encoding:
        example = escape_name(foreign[0].decode(errors="surrogateescape"))
        return (
            f"{where}: {len(foreign):,} names are not UTF-8, such as {example}; their bytes are kept as they are. If they are "
            "text, name its code page with --zip-encoding, such as cp437, cp932, gbk or euc-kr",
        )
    if encoding and not foreign:
        return (f"{where}: every name is UTF-8, so --zip-encoding {encoding} is not used",)
    return ()


def _decode(entry: zipfile.ZipInfo, page: str, where: str) -> str:
    unicode_path = _unicode_path(entry)
    if unicode_path is not None:
        return unicode_path
    raw = raw_name(entry)
    if entry.flag_bits & _UTF8 or page == "utf-8":
        return raw.decode(errors="surrogateescape")
    try:
        return raw.decode(page)
    except UnicodeDecodeError as error:
        shown = escape_name(raw.decode(errors="surrogateescape"))
        raise UsageError(f"--zip-encoding {page}: {where}: the name {shown} is not text in it; name another one") from error


def _checked(name: str, where: str) -> str:
    shown = f"{where}: {name!r}"
    if "\\" in name:
        raise DataError(
            f"{shown} is not a name to be trusted: it holds a backslash. Either a Windows program wrote it for '/': pack the "
            "images again with plain relative names, or unpack the archive and give the folder. Or it is one byte (0x5C) of a "
            "letter in a code page such as cp932: name that with --zip-encoding"
        )
    if not name or _UNSAFE.match(name):
        raise DataError(f"{shown} is not a name to be trusted; pack the images again with plain relative names")
    return escape_name(posixpath.normpath(name))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unicode_path(entry: zipfile.ZipInfo) -> str | None:
    """The name in the Info-ZIP Unicode Path extra field, if there is one that belongs to the entry's name."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind != _UNICODE_PATH or len(body) < 5:
            continue
        version, crc = struct.unpack_from("<BI", body)
        if version == 1 and crc == zlib.crc32(raw_name(entry)) and _is_utf8(body[5:]):
            return body[5:].decode()
    return None


def shown_name(entry: zipfile.ZipInfo) -> str:
    """An entry's name for messages."""
    return printable(raw_name(entry).decode(errors="surrogateescape"))
