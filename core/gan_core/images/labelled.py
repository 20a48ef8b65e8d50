"""Pictures for people, as bytes of a file: grids, grids with a word over each image, and animations. No I/O."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.images.grid import png, tile

Pixels = NDArray[np.uint8]
"""An image (height, width, 1 or 3) or several (n, height, width, 1 or 3)."""

_CELL = 48
"""Least width of an image with a word over it, in pixels."""
_STRIP = 14
"""Height of the strip that holds the word, in pixels."""
_LETTERS = 11
"""Size of the letters, in pixels."""
_FRAME = 256
"""Least width of an animation, in pixels."""
_FRAME_MILLISECONDS = 60


def as_shown(images: Pixels) -> Pixels:
    """Grey images inverted, so that digits are dark on white as in print; coloured images unchanged."""
    return 255 - images if images.shape[-1] == 1 else images


def grid_png(images: Pixels, facts: Mapping[str, str], columns: int | None = None) -> bytes:
    """A grid as PNG, as square as possible unless `columns` is given; `facts` go into its text chunks."""
    return png(tile(as_shown(images), columns), facts)


def rows_png(rows: Sequence[Sequence[Pixels]], facts: Mapping[str, str]) -> bytes:
    """Rows of images as PNG, each in the upper left of a cell that the largest fills; `facts` go into its text chunks.

    Args:
        rows: at least one, all as long; images uint8 (height, width, 3).
        facts: for its text chunks.
    """
    images = [image for row in rows for image in row]
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    cells = np.full((len(images), height, width, 3), 255, np.uint8)
    for cell, image in zip(cells, images, strict=True):
        cell[: image.shape[0], : image.shape[1]] = image
    return png(tile(cells, len(rows[0])), facts)


def labelled_png(cells: Sequence[tuple[str, Pixels | None]], columns: int, facts: Mapping[str, str]) -> bytes:
    """A grid as PNG with a word over each image, and small images enlarged so that it can be read.

    Args:
        cells: a short word and one image, uint8 (height, width, channels), or None for a place left empty; at least
            one image, all of one shape.
        columns: cells in a row.
        facts: for its text chunks.
    """
    shape = next(image.shape for _, image in cells if image is not None)
    blank = np.full(shape, 255, np.uint8)
    shown = [_enlarged(blank if image is None else as_shown(image), _CELL) for _, image in cells]
    labelled = [np.concatenate([_strip(word, image), image]) for (word, _), image in zip(cells, shown, strict=True)]
    return png(tile(np.stack(labelled), columns), facts)


def _enlarged(image: Pixels, least: int) -> Pixels:
    """The image enlarged by a whole factor, by repeating pixels, to a width of at least `least` pixels."""
    times = math.ceil(least / image.shape[1])
    return image.repeat(times, axis=0).repeat(times, axis=1)


def _strip(word: str, below: Pixels) -> Pixels:
    from PIL import Image, ImageDraw, ImageFont

    width, channels = below.shape[1:]
    strip = Image.new("L", (width, _STRIP), 255)
    middle = (width / 2, _STRIP / 2)
    ImageDraw.Draw(strip).text(middle, word, fill=0, font=ImageFont.load_default(_LETTERS), anchor="mm")
    return np.asarray(strip)[..., np.newaxis].repeat(channels, axis=2)


def animation(frames: Sequence[Pixels], kind: str, facts: Mapping[str, str]) -> bytes:
    """An endless animation that runs forward and back, so that it never jumps.

    Args:
        frames: at least 2; each shows the same number of images at one moment, side by side.
        kind: "gif", or "webp", which keeps every colour.
        facts: as JSON in the GIF's comment, or in the WebP's EXIF image description.
    """
    from PIL import Image

    shown = [_enlarged(tile(as_shown(frame)), _FRAME) for frame in frames]
    pictures = [Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in [*shown, *shown[-2:0:-1]]]
    description = json.dumps(dict(facts))
    exif = Image.Exif()
    exif[0x010E] = description
    options: dict[str, Any] = {"comment": description.encode()} if kind == "gif" else {"exif": exif, "lossless": True}
    buffer = io.BytesIO()
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:], duration=_FRAME_MILLISECONDS, loop=0, **options)
    return buffer.getvalue()
