"""From the bytes of an image file to RGB pixels.

Pillow's format classes are used directly and not through `Image.open`. `Image.open` and its readers of EXIF and of
multi-picture JPEGs warn about odd files, and Python can silence warnings only for the whole process: not in a thread.
"""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gan_core.errors import UnusableInputError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
"""File name endings of the formats `decode_image_file` reads, in lower case."""

MAX_PIXELS = 100_000_000
"""Larger images are refused by their header: decoding one takes up to 2 GB."""

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH_AT = 24
_REFUSED = ((b"GIF8", "GIF"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"%PDF", "PDF"), (b"<", "HTML, XML or SVG"))
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _Jpeg(JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """The resolution is of no use here, and looking for it warns about broken EXIF."""


def decode_image_file(content: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG, WebP or BMP file; the content tells which, not a name. May be called from many threads.

    The image is turned upright by its EXIF orientation. Transparent pixels are composited on white. Of 16 bits the high
    8 are kept. CMYK is taken as Adobe stores it (inverted), and colour profiles are ignored. Of a multi-picture JPEG, as
    phones write them, the main picture is read. PNG checksums are checked.

    Args:
        content: the whole file.

    Returns:
        uint8 (height, width, 3), RGB in 0..255, read-only.

    Raises:
        UnusableInputError: stage "decode"; reason "empty file", "not an image", "corrupt or cut off", "animated" (more
            than one frame) or "too large" (more than MAX_PIXELS).
    """
    try:
        image = _open(content)
        _check_size(*image.size)
        image.load()
        upright = _UPRIGHT.get(_orientation(image.info.get("exif", b"")))
        rgb = _to_rgb(image)
        return np.asarray(rgb if upright is None else rgb.transpose(upright))
    except UnusableInputError:
        raise
    # Pillow's readers answer bad bytes with whatever their parsing ran into: OSError, KeyError, ZeroDivisionError, ...
    except Exception as error:
        raise _unusable("corrupt or cut off", " ".join(str(error).split()) or type(error).__name__) from error


def _unusable(reason: str, detail: str = "") -> UnusableInputError:
    return UnusableInputError("decode", reason, detail)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _unusable("too large", f"{width}x{height} pixels, at most {MAX_PIXELS:,} are read")


def _open(content: bytes) -> ImageFile:
    """Read the header; pixels are not decoded yet."""
    file = io.BytesIO(content)
    if content.startswith(b"\xff\xd8\xff"):
        return _Jpeg(file)
    if content.startswith(_PNG_MAGIC):
        _check_png(content)
        image: ImageFile = PngImageFile(file)
        _scale_transparent_colour(image, content[_PNG_DEPTH_AT])
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        image = WebPImageFile(file)
    elif content.startswith(b"BM"):
        return BmpImageFile(file)
    elif not content:
        raise _unusable("empty file")
    else:
        known = next((f"{name} is not read" for magic, name in _REFUSED if content.startswith(magic)), None)
        raise _unusable("not an image", known or f"it starts with {content[:8].hex()}")
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise _unusable("animated", f"{frames} frames")
    return image


def _check_png(content: bytes) -> None:
    """Check every chunk's checksum, as Pillow checks none of the pixels, and that there is one frame at most.

    And the size: Pillow makes room for the frame of an animation as soon as it opens it.
    Raises struct.error if the file ends before its last chunk.
    """
    view, start, kind = memoryview(content), len(_PNG_MAGIC), b""
    frames: list[int] = []
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, start)
        end = start + 8 + length
        (checksum,) = struct.unpack_from(">I", content, end)
        if checksum != zlib.crc32(view[start + 4 : end]):
            raise _unusable("corrupt or cut off", f"wrong PNG checksum at byte {end}")
        if kind == b"IHDR":
            _check_size(*struct.unpack_from(">II", content, start + 8))
        elif kind == b"acTL":
            frames.append(*struct.unpack_from(">I", content, start + 8))
        start = end + 4
    if frames not in ([], [1]):
        raise _unusable("animated", f"{sum(frames)} frames")


def _scale_transparent_colour(image: ImageFile, depth: int) -> None:
    """Bring the colour a PNG declares transparent to 8 bits; Pillow does so only with the pixels.

    That of 16-bit RGB is dropped, as by 8 bits it would make its neighbours transparent too.
    """
    if image.mode == "L" and depth < 8 and "transparency" in image.info:
        image.info["transparency"] *= 255 // (2**depth - 1)
    elif image.mode == "RGB" and depth == 16:
        image.info.pop("transparency", None)


def _orientation(exif: bytes) -> int:
    """The orientation 1..8 from EXIF; 1 (upright) if there is none or the EXIF is broken."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for number in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * number)
            if tag == _ORIENTATION_TAG:
                return int(value)
    except struct.error:
        pass
    return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":
        return _grey16_to_rgb(image)
    if image.mode in ("RGBA", "LA") or "transparency" in image.info:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _grey16_to_rgb(image: Image.Image) -> Image.Image:
    """By hand: Pillow's conversion clips at 255."""
    pixels = np.asarray(image)
    grey = (pixels >> 8).astype(np.uint8)
    if "transparency" in image.info:
        grey[pixels == image.info["transparency"]] = 255
    return Image.fromarray(grey).convert("RGB")
