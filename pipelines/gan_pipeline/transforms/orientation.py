"""How a photograph has to be turned to stand upright, from its EXIF or XMP metadata."""

import re
import struct

from PIL import Image

_ORIENTATION_TAG = 0x0112
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])")
_ENTRY_FORMATS = {1: "B", 3: "H", 4: "I"}
"""By TIFF's number of a field type (BYTE, SHORT, LONG): how its value is packed."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By orientation: the turn that brings the stored pixels upright. Orientation 1 needs none."""


def orientation(exif: bytes, xmp: bytes) -> int:
    """The orientation of a photograph, 1 to 8.

    EXIF goes before XMP, as in Pillow's `ImageOps.exif_transpose`.

    Args:
        exif: the content of the EXIF segment, with or without its mark "Exif"; may be empty or broken.
        xmp: the XMP packet; may be empty.

    Returns:
        1 (upright) if neither says otherwise.
    """
    value = _exif_orientation(exif)
    if value is None:
        found = _XMP_ORIENTATION.search(xmp)
        value = int(found[1]) if found else 1
    return value


def _exif_orientation(exif: bytes) -> int | None:
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for number in range(entries):
            start = directory + 2 + 12 * number
            tag, kind = struct.unpack_from(f"{order}HH", tiff, start)
            if tag == _ORIENTATION_TAG and kind in _ENTRY_FORMATS:
                return int(struct.unpack_from(order + _ENTRY_FORMATS[kind], tiff, start + 8)[0])
    except struct.error:
        pass
    return None
