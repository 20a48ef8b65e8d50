"""Pictures for people, as bytes of a file: grids, grids with a word over each image, and animations. No I/O."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.images.grid import enlarged, enlargement, png, tile

Pixels = NDArray[np.uint8]
"""An image (height, width, 1 or 3) or several (n, height, width, 1 or 3)."""

_CELL = 48
"""Least width of an image with a word over it, in pixels."""
_STRIP = 14
"""Height of the strip that holds the word, in pixels."""
_LETTERS = 11
"""Size of the letters, in pixels."""
_HEADING = 24
"""Height of the strip of headings, in pixels."""
_SIDE_WIDTH = 56
"""Width of the strip of words at the left, in pixels."""
_HEADING_LETTERS = 14
"""Size of the letters of headings, in pixels."""
_FRAME = 256
"""Least width of an animation, in pixels."""
_FRAME_MILLISECONDS = 60


def as_shown(images: Pixels) -> Pixels:
    """Grey images inverted, so that digits are dark on white as in print; coloured images unchanged."""
    return 255 - images if images.shape[-1] == 1 else images


def grid_png(
    images: Pixels,
    facts: Mapping[str, str],
    columns: int | None = None,
    headings: Sequence[str] = (),
    sides: Sequence[str] = (),
) -> bytes:
    """A grid as PNG, as square as possible unless `columns` is given, enlarged so that a small one fills a screen.

    Args:
        images: uint8 (n, height, width, 1 or 3); grey ones are inverted.
        facts: for its text chunks, beside "scale", how many pixels wide a pixel is shown.
        columns: images in a row.
        headings: a word above each column, or none.
        sides: a word to the left of each row, or none.
    """
    return framed_png(tile(as_shown(images), columns), facts, headings, sides)


def framed_png(grid: Pixels, facts: Mapping[str, str], headings: Sequence[str] = (), sides: Sequence[str] = ()) -> bytes:
    """A grid that `tile` made, enlarged, with words above and to the left; arguments as of `grid_png`."""
    times = enlargement(*grid.shape[:2])
    picture = enlarged(grid, times)
    if headings:
        picture = np.concatenate([_headings(headings, picture), picture])
    if sides:
        picture = np.concatenate([_sides(sides, picture, _HEADING if headings else 0), picture], axis=1)
    return png(picture, {**facts, "scale": str(times)})


def _headings(words: Sequence[str], picture: Pixels) -> Pixels:
    width = picture.shape[1] / len(words)
    places = [((number + 0.5) * width, _HEADING / 2, word) for number, word in enumerate(words)]
    return _written(places, (_HEADING, picture.shape[1]), width, picture.shape[2])


def _sides(words: Sequence[str], picture: Pixels, top: int) -> Pixels:
    height = (picture.shape[0] - top) / len(words)
    places = [(_SIDE_WIDTH / 2, top + (number + 0.5) * height, word) for number, word in enumerate(words)]
    return _written(places, (picture.shape[0], _SIDE_WIDTH), _SIDE_WIDTH, picture.shape[2])


def _written(places: Sequence[tuple[float, float, str]], shape: tuple[int, int], room: float, channels: int) -> Pixels:
    """A white area (height, width) with words around their middles; one that is wider than its room is cut with a dot."""
    from PIL import Image, ImageDraw, ImageFont

    area, font = Image.new("L", (shape[1], shape[0]), 255), ImageFont.load_default(_HEADING_LETTERS)
    draw = ImageDraw.Draw(area)
    for x, y, word in places:
        shown = word
        while len(shown) > 1 and draw.textlength(shown, font=font) > room - 2:
            shown = shown.rstrip(".")[:-1] + "."
        draw.text((x, y), shown, fill=0, font=font, anchor="mm")
    return np.asarray(area)[..., np.newaxis].repeat(channels, axis=2)


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
    rows = math.ceil(len(cells) / columns)
    times = max(math.ceil(_CELL / shape[1]), enlargement(rows * (shape[0] + _STRIP), columns * shape[1]))
    shown = [enlarged(blank if image is None else as_shown(image), times) for _, image in cells]
    labelled = [np.concatenate([_strip(word, image), image]) for (word, _), image in zip(cells, shown, strict=True)]
    return png(tile(np.stack(labelled), columns), {**facts, "scale": str(times)})


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

    tiled = [tile(as_shown(frame)) for frame in frames]
    shown = [enlarged(frame, math.ceil(_FRAME / frame.shape[1])) for frame in tiled]
    pictures = [Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in [*shown, *shown[-2:0:-1]]]
    description = json.dumps(dict(facts))
    exif = Image.Exif()
    exif[0x010E] = description
    options: dict[str, Any] = {"comment": description.encode()} if kind == "gif" else {"exif": exif, "lossless": True}
    buffer = io.BytesIO()
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:], duration=_FRAME_MILLISECONDS, loop=0, **options)
    return buffer.getvalue()
