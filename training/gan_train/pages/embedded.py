"""Pictures inside a page: files as they are while they are small, else as WebP of bounded size. And which grids to show."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from gan_core.errors import DataError

MOST_GRIDS, GRID_BYTES, PICTURE_BYTES = 32, 128 << 10, 256 << 10
"""Sample grids in a page, bytes of each, bytes of any other picture: with its curves a page stays below 10 MB in base64."""

_LONGEST_SIDE = 1600
_QUALITIES = (90, 75, 55, 35)
_SMALL_SIDE, _TIMES, _HEIGHT = 700, 3, 640
"""Up to this side pixels are enlarged as squares, at most so many times and to that height, so that each is seen."""

Shown = TypeVar("Shown")


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture in a page.

    Attributes:
        uri: a data: URI of the whole file.
        width, height: in pixels.
        exact: every pixel is as the file in the run folder has it.
    """

    uri: str
    width: int
    height: int
    exact: bool

    @property
    def small(self) -> bool:
        """Whether its pixels are worth being seen one by one."""
        return max(self.width, self.height) <= _SMALL_SIDE

    @property
    def enlarged(self) -> int:
        """Width in pixels of the screen to show a small one at, where there is as much room."""
        return round(self.width * max(1.0, min(_TIMES, _HEIGHT / self.height)))


def embedded(content: bytes, limit: int, where: str) -> EmbeddedPicture:
    """A PNG file for a page, in at most `limit` bytes before base64. Raises DataError naming `where` if it is no image."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            if len(content) <= limit:
                return EmbeddedPicture(_uri("png", content), *image.size, exact=True)
            shown = image.convert("RGB" if image.mode != "L" else "L")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where}: not a picture ({error}); remove it, and make the report again") from error
    shown.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    while True:
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            shown.save(buffer, "WEBP", quality=quality)
            if buffer.tell() <= limit:
                return EmbeddedPicture(_uri("webp", buffer.getvalue()), *shown.size, exact=False)
        shown = shown.resize((max(1, shown.width // 2), max(1, shown.height // 2)))


def evenly(items: Sequence[Shown], most: int = MOST_GRIDS) -> list[Shown]:
    """At most `most` items at even distances, always with the first and the last.

    Every second, fourth, eighth... stays: as items are added one by one, what was chosen once is seldom given up, so that
    what was made of it serves again.
    """
    stride = 1
    while (len(items) - 2) // stride + 2 > most:
        stride *= 2
    chosen = list(items[:-1:stride])
    return [*chosen, *items[-1:]]


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
