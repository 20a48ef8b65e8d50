"""Image files for the tests: noise that no two pixels share, and every way a file can be broken."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def noise(number: int, height: int = 20, width: int = 24) -> NDArray[np.uint8]:
    """The same random pixels for the same number."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    """An image file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind, **options)
    return buffer.getvalue()


def photograph(number: int, height: int = 20, width: int = 24) -> bytes:
    """A JPEG file."""
    return encoded(noise(number, height, width), "JPEG", quality=90)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A .zip of these files, with the same bytes at any time of day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG file that promises so many grey pixels and holds none; its checksums are right."""
    chunks = ((b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _float_tiff() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ones((20, 24), np.float32)).save(buffer, format="TIFF")
    return buffer.getvalue()


BROKEN = {
    "empty.jpg": (b"", "empty file"),
    "cut.jpg": (photograph(7)[:300], "corrupt or cut off"),
    "text.png": (b"not a picture at all", "not an image"),
    "page.jpg": (b"<!doctype html><title>Quota exceeded</title>", "not an image"),
    "icon.png": (b"\0\0\1\0\1\0", "not an image"),
    "floats.tif": (_float_tiff(), "unsupported pixels"),
    "cut.webp": (encoded(noise(8), "WEBP")[:200], "corrupt or cut off"),
    "huge.png": (png_header(20_000, 20_000), "too large"),
}
"""By name: the content of a file that cannot be used, and the reason that is to be given. All fail in decoding."""


def centre(pixels: NDArray[np.uint8], width: int, height: int, filter: Image.Resampling) -> NDArray[np.uint8]:
    """The largest centred part of that shape, scaled by Pillow."""
    image = Image.fromarray(pixels)
    wide = min(image.width, image.height * width / height)
    high = min(image.height, image.width * height / width)
    left, top = (image.width - wide) / 2, (image.height - high) / 2
    return np.asarray(image.resize((width, height), filter, box=(left, top, left + wide, top + high)))
