"""From the bytes of an image file to its header: which format it is, how large, and of how many bits.

Pillow's format classes are used directly and not through `Image.open`. `Image.open` and its readers of EXIF and of
multi-picture JPEGs warn about odd files, and Python can silence warnings only for the whole process: not in a thread.
"""

import io
import re
import warnings
from dataclasses import dataclass
from functools import partial

from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gan_core.errors import UnusableInputError
from gan_pipeline.transforms.npy_image import NPY_MAGIC, npy_as_ppm
from gan_pipeline.transforms.orientation import orientation
from gan_pipeline.transforms.png_chunks import PNG_MAGIC, parse_png

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"),
    *(".pgm", ".ppm", ".pbm", ".pnm"),
)
"""File name endings of the formats that are read, in lower case."""

MAX_PIXELS = 100_000_000
"""Larger images are refused by their header: decoding one takes up to 2 GB."""

HEAD_BYTES = 32
"""How many bytes at the start of a file `is_image` looks at."""

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_AVIF_BRANDS = (b"avif", b"avis", b"mif1", b"msf1")
_PNM = re.compile(rb"P[1-6]\s+[#\d]")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_OTHER_SAMPLES = {"F": "32-bit floating point pixels", "I": "signed or 32-bit pixels", "LAB": "CIELAB pixels"}
"""By Pillow's mode: pixels that have no one range to scale to 8 bits, or no simple way to RGB."""

_REFUSED = ((b"%PDF", "PDF"), (b"\0\0\1\0", "ICO"), (b"8BPS", "Photoshop"), (b"<", "HTML, XML or SVG"))

# Pillow warns of odd tags in a TIFF file. The filter is set once, for that module alone, so no thread changes it.
warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")


class _Jpeg(JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """The resolution is of no use here, and looking for it warns about broken EXIF."""


@dataclass(frozen=True)
class OpenedImage:
    """An image file whose header was read. Its pixels are not decoded yet.

    Attributes:
        content: the file that Pillow reads.
        image: Pillow's view of it; of several frames or pages, the first.
        bits: bits of a sample, at most 16; 8 where a sample has fewer.
        orientation: 1 to 8; how the stored pixels lie. 1 for a TIFF file, which Pillow turns itself.
    """

    content: bytes
    image: ImageFile
    bits: int
    orientation: int

    @property
    def turned(self) -> bool:
        """Whether width and height change places when the image is turned upright."""
        return self.orientation >= 5


def is_image(head: bytes) -> bool:
    """Whether a file is an image that can be read, by its first HEAD_BYTES bytes."""
    # Two letters begin many a text too, so the size of BMP's second header is looked at.
    if head.startswith(b"BM"):
        return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return _format(head) is not None


def open_image_file(content: bytes) -> OpenedImage:
    """Read the header of a JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, PNM (PGM, PPM, PBM) or .npy file; the content tells which.

    Of an animation or of a file with several pages the first frame is taken, and of a multi-picture JPEG, as phones write
    them, the main picture. PNG checksums are checked. May be called from many threads.

    Args:
        content: the whole file.

    Raises:
        UnusableInputError: stage "decode"; reason "empty file", "not an image", "unsupported pixels" (a layout of samples
            that Pillow does not read), "corrupt or cut off" or "too large" (more than MAX_PIXELS).
    """
    kind = _format(content[:HEAD_BYTES])
    if kind is None:
        raise _not_an_image(content)
    try:
        opened = _open(content, kind)
    except UnusableInputError:
        raise
    # Pillow's readers answer bad bytes with whatever their parsing ran into: OSError, KeyError, ZeroDivisionError, ...
    except Exception as error:
        raise unreadable(error) from error
    _check_size(*opened.image.size)
    return opened


def unreadable(error: Exception) -> UnusableInputError:
    """The reason given for a file on which Pillow failed."""
    detail = " ".join(str(error).split()) or type(error).__name__
    layout = detail == "unknown pixel mode" or detail.startswith("Unsupported BMP")
    return _unusable("unsupported pixels" if layout else "corrupt or cut off", detail)


def _format(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(PNG_MAGIC):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(NPY_MAGIC):
        return "NPY"
    if head.startswith(_TIFF_MAGIC):
        return "TIFF"
    if head[4:8] == b"ftyp" and head[8:12] in _AVIF_BRANDS:
        return "AVIF"
    if _PNM.match(head):
        return "PNM"
    return "BMP" if head.startswith(b"BM") else None


def _open(content: bytes, kind: str) -> OpenedImage:
    file = io.BytesIO(content)
    opened = partial(OpenedImage, content)
    if kind == "PNG":
        return _open_png(content)
    if kind == "NPY":
        return opened(PpmImageFile(io.BytesIO(npy_as_ppm(content))), 8, 1)
    if kind == "PNM":
        grey = PpmImageFile(file)
        if grey.mode == "I":
            raise _unusable("unsupported pixels", "a PGM file of more than 8 bits; convert it to PNG")
        return opened(grey, 8, 1)
    if kind == "BMP":
        return opened(BmpImageFile(file), 8, 1)
    if kind == "GIF":
        return opened(GifImageFile(file), 8, 1)
    if kind == "TIFF":
        tiff = TiffImageFile(file)
        if tiff.mode in _OTHER_SAMPLES:
            raise _unusable("unsupported pixels", _OTHER_SAMPLES[tiff.mode])
        return opened(tiff, max(8, *tiff.tag_v2.get(BITSPERSAMPLE, (1,))), 1)
    image: ImageFile = {"JPEG": _Jpeg, "WEBP": WebPImageFile, "AVIF": AvifImageFile}[kind](file)
    return opened(image, 8, orientation(image.info.get("exif", b""), image.info.get("xmp", b"")))


def _open_png(content: bytes) -> OpenedImage:
    chunks = parse_png(content)
    _check_size(chunks.width, chunks.height)
    image = PngImageFile(io.BytesIO(chunks.pixels))
    # Pillow brings the colour that a PNG declares transparent to 8 bits with the pixels alone, not in `info`.
    if image.mode == "L" and chunks.bits < 8 and "transparency" in image.info:
        image.info["transparency"] *= 255 // (2**chunks.bits - 1)
    return OpenedImage(chunks.pixels, image, max(8, chunks.bits), orientation(chunks.exif, chunks.xmp))


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _unusable("too large", f"{width}x{height} pixels, at most {MAX_PIXELS:,} are read")


def _not_an_image(content: bytes) -> UnusableInputError:
    if not content:
        return _unusable("empty file")
    known = next((f"{name} is not read" for magic, name in _REFUSED if content.startswith(magic)), None)
    if content[4:8] == b"ftyp":
        known = "HEIC, or a film, is not read; convert it to JPEG or PNG"
    return _unusable("not an image", known or f"it starts with {content[:8].hex()}")


def _unusable(reason: str, detail: str = "") -> UnusableInputError:
    return UnusableInputError("decode", reason, detail)
