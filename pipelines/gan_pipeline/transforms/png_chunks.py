"""The chunks of a PNG file: their checksums, the bits of its samples, and the metadata that says how to turn it."""

import struct
import zlib
from dataclasses import dataclass

from gan_core.errors import UnusableInputError

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_RAW_PROFILES = (b"Raw profile type exif", b"Raw profile type APP1")
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_MAX_TEXT = 16 << 20
"""Bytes that compressed text is unpacked to at most; EXIF and XMP are far smaller."""


@dataclass(frozen=True)
class PngChunks:
    """The chunks of a PNG file.

    Attributes:
        pixels: a PNG file of the chunks that decide the pixels of the first frame, and no other.
        width: in pixels.
        height: in pixels.
        bits: bits of a sample: 1, 2, 4, 8 or 16.
        exif: the EXIF data of chunk eXIf or of ImageMagick's text chunk "Raw profile type exif"; empty if there is none.
        xmp: the XMP packet; empty if there is none.
    """

    pixels: bytes
    width: int
    height: int
    bits: int
    exif: bytes
    xmp: bytes


def parse_png(content: bytes) -> PngChunks:
    """Check the checksum of every chunk, and take the file apart.

    Pillow checks no checksum of pixels, refuses files whose text or colour profile unpacks to more than 1 MB, and makes
    room for a whole animation as soon as it opens one. It is given the pixel chunks alone.

    Args:
        content: the whole file, which begins with PNG_MAGIC.

    Raises:
        UnusableInputError: stage "decode", reason "corrupt or cut off": a checksum is wrong.
        struct.error: the file ends before its last chunk, or its header is too short.
    """
    view, start, kind = memoryview(content), len(PNG_MAGIC), b""
    kept: list[memoryview] = [view[:start]]
    header, exif, raw_profile, xmp = b"", b"", b"", b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, start)
        end = start + 8 + length
        (checksum,) = struct.unpack_from(">I", content, end)
        if checksum != zlib.crc32(view[start + 4 : end]):
            raise UnusableInputError("decode", "corrupt or cut off", f"wrong PNG checksum at byte {end}")
        data = view[start + 8 : end]
        if kind in _PIXEL_CHUNKS:
            kept.append(view[start : end + 4])
        if kind == b"IHDR":
            header = bytes(data)
        elif kind == b"eXIf":
            exif = bytes(data)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            keyword, text = _text(kind, bytes(data))
            if keyword in _RAW_PROFILES:
                raw_profile = _unhex(text)
            elif keyword == _XMP_KEYWORD:
                xmp = text
        start = end + 4
    width, height, bits = struct.unpack_from(">IIB", header)
    pixels = content if sum(map(len, kept)) == len(content) else b"".join(kept)
    return PngChunks(pixels, width, height, bits, exif or raw_profile, xmp)


def _text(kind: bytes, data: bytes) -> tuple[bytes, bytes]:
    """The keyword and the text of a text chunk; the text is empty if it cannot be unpacked."""
    keyword, _, rest = data.partition(b"\0")
    if keyword not in (*_RAW_PROFILES, _XMP_KEYWORD) or kind == b"tEXt":
        return keyword, rest
    if kind == b"zTXt":
        return keyword, _unpacked(rest[1:])
    packed, _, rest = rest[:1], rest[1:2], rest[2:]
    _, _, rest = rest.partition(b"\0")
    _, _, text = rest.partition(b"\0")
    return keyword, _unpacked(text) if packed == b"\1" else text


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MAX_TEXT)
    except zlib.error:
        return b""


def _unhex(text: bytes) -> bytes:
    """The bytes of a raw profile: a line with its name and one with its length, then hexadecimal digits in lines."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""
