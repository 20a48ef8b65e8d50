"""Pictures embedded in a page: small files unchanged, others as WebP of bounded size. Also chooses which grids to show."""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from gan_core.errors import DataError
from gan_core.text import printable

MOST_GRIDS, GRID_BYTES, PICTURE_BYTES = 32, 128 << 10, 256 << 10
"""Most sample grids in a page, most bytes of each and of any other picture; so a page stays below 10 MB in base64."""

_MOST_PIXELS = 80_000_000
"""The most pixels of a picture that is decoded, 240 MB in colour; a grid of 10,000 images of 64 pixels has 44 million."""

_LONGEST_SIDE = 1600
_QUALITIES = (90, 75, 55, 35)
_SMALL_SIDE, _TIMES, _HEIGHT = 700, 3, 640
"""Pictures up to this side, in pixels, are enlarged with sharp pixels: at most so many times, and up to this height."""

Shown = TypeVar("Shown")


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture in a page.

    Attributes:
        uri: a data: URI of the whole picture.
        width, height: size in pixels.
        exact: whether every pixel is that of the file in the run folder.
    """

    uri: str
    width: int
    height: int
    exact: bool

    @property
    def small(self) -> bool:
        """Whether it is small enough to be enlarged."""
        return max(self.width, self.height) <= _SMALL_SIDE

    @property
    def enlarged(self) -> int:
        """The width on the screen of a small picture, in CSS pixels."""
        return round(self.width * max(1.0, min(_TIMES, _HEIGHT / self.height)))


def embedded(content: bytes, limit: int, where: str) -> EmbeddedPicture:
    """Embed a PNG file in at most `limit` bytes before base64. Raises DataError naming `where` if it is damaged."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if math.prod(image.size) > _MOST_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels, more than {_MOST_PIXELS:,}")
            # Decoded even if it is embedded as it is: a cut file would be a broken picture in the page.
            image.load()
            if len(content) <= limit:
                return EmbeddedPicture(_uri("png", content), *image.size, exact=True)
            shown = image.convert("RGB" if image.mode != "L" else "L")
    # Pillow lets through what its PNG decoder raises for damaged chunks: SyntaxError, struct.error, zlib.error, ...
    except Exception as error:
        why = printable(" ".join(str(error).split())[:200])
        raise DataError(f"{where}: not a picture ({why}); remove it, and make the report again") from error
    shown.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    while True:
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            shown.save(buffer, "WEBP", quality=quality)
            if buffer.tell() <= limit:
                return EmbeddedPicture(_uri("webp", buffer.getvalue()), *shown.size, exact=False)
        shown = shown.resize((max(1, shown.width // 2), max(1, shown.height // 2)))


def evenly(items: Sequence[Shown], most: int = MOST_GRIDS) -> list[Shown]:
    """At most `most` items at even distances, including the first and the last.

    The stride is a power of two, so that a choice changes little as items are added, and embedded pictures can be reused.
    """
    stride = 1
    while (len(items) - 2) // stride + 2 > most:
        stride *= 2
    chosen = list(items[:-1:stride])
    return [*chosen, *items[-1:]]


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
