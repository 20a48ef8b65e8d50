"""Pictures as data URIs, so that a page that shows them is a single file."""

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

LOSSLESS_SIDE = 48
"""Pictures with sides of at most this many pixels are stored losslessly as PNG; larger ones as JPEG, a fifth of the size."""

LARGEST_SIDE = 160
"""The longest side of a picture on a page, in pixels; larger pictures are reduced to it."""


def jpeg_uri(picture: "Image", quality: int = 85) -> str:
    """A picture as a data URI that holds a JPEG file of the given quality, from 1 to 95."""
    return _uri(picture, "jpeg", quality=quality)


def pixels_uri(pixels: NDArray[np.uint8], largest_side: int = LARGEST_SIDE) -> str:
    """An image, uint8 (height, width, 1 or 3), as a data URI: lossless if small, else reduced to `largest_side` pixels."""
    from PIL import Image

    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if max(picture.size) <= LOSSLESS_SIDE:
        return _uri(picture, "png")
    picture.thumbnail((largest_side, largest_side))
    return jpeg_uri(picture, 88)


def _uri(picture: "Image", kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
