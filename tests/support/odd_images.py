"""Image files as other programs write them: 16 bits, odd metadata, odd alpha. Made without the product's code."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """A PNG file with one more chunk behind its header."""
    after_header = len(PNG_MAGIC) + 25
    return png[:after_header] + chunk(kind, content) + png[after_header:]


def deep_png(samples: NDArray[np.uint16], *others: bytes) -> bytes:
    """A PNG of 16 bits: uint16 (height, width, channels); 1 is grey, 2 grey and alpha, 3 RGB, 4 RGBA."""
    height, width, channels = samples.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *others, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return PNG_MAGIC + b"".join(chunks)


def deep_tiff(samples: NDArray[np.uint16], order: str = "<", photometric: int | None = None) -> bytes:
    """An uncompressed TIFF of 16 bits in one strip: uint16 (height, width, 1 or 3)."""
    height, width, channels = samples.shape
    pixels = samples.astype(f"{order}u2").tobytes()
    photometric = photometric if photometric is not None else (1 if channels == 1 else 2)
    bits_at = 8 + len(pixels)
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, 16 if channels == 1 else bits_at),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, 1, 8),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, len(pixels)),
    ]
    directory = struct.pack(f"{order}H", len(entries))
    for tag, kind, count, value in entries:
        short = kind == 3 and count == 1
        directory += struct.pack(f"{order}HHI", tag, kind, count)
        directory += struct.pack(f"{order}HH", value, 0) if short else struct.pack(f"{order}I", value)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", bits_at + 2 * channels)
    return head + pixels + struct.pack(f"{order}{channels}H", *[16] * channels) + directory + struct.pack(f"{order}I", 0)


def bmp_of_four_bytes(pixels: NDArray[np.uint8], alpha: int, alpha_mask: int = 0xFF000000) -> bytes:
    """A BMP of 32 bits with colour masks: uint8 (height, width, 3), and the fourth byte of every pixel."""
    height, width, _ = pixels.shape
    four = np.concatenate([pixels[::-1, :, ::-1], np.full((height, width, 1), alpha, np.uint8)], axis=2)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, alpha_mask)
    header = struct.pack("<IiiHHIIiiII", 56, width, height, 1, 32, 3, four.size, 0, 0, 0, 0) + masks
    return b"BM" + struct.pack("<IHHI", 14 + 56 + four.size, 0, 0, 14 + 56) + header + four.tobytes()


def exif(orientation: int, order: str = "<", kind: int = 3) -> bytes:
    """EXIF data with an orientation, typed as SHORT (3) or LONG (4)."""
    value = struct.pack(f"{order}HH", orientation, 0) if kind == 3 else struct.pack(f"{order}I", orientation)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return head + struct.pack(f"{order}H", 1) + struct.pack(f"{order}HHI", 0x0112, kind, 1) + value + struct.pack("<I", 0)


def xmp(orientation: int) -> bytes:
    """An XMP packet with an orientation, as Lightroom writes it."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


def raw_profile(data: bytes) -> bytes:
    """The text that ImageMagick writes for EXIF in a PNG."""
    digits = (b"Exif\0\0" + data).hex()
    lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
    return b"\nexif\n%8d\n" % (len(data) + 6) + "\n".join(lines).encode() + b"\n"
