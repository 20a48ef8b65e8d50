"""Image files to put into folders and archives."""

import io
import random
import warnings
import zipfile
from collections.abc import Mapping

_RANDOM = random.Random(7)
FILES = {
    "B/2.png": _RANDOM.randbytes(5000),
    "A/1.png": b"compresses well" * 500,
    "A/deep/10.png": b"",
    "A/deep/9.png": b"x",
    "ä é.jpg": _RANDOM.randbytes(70_000),
}


def packed(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A .zip in memory, with the same bytes at any time of day."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that stand in it twice
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return raw.getvalue()
