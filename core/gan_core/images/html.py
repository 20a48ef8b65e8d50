"""Pages of one file: templates of `pages/` filled in, and pictures as data URIs."""

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

LOSSLESS_SIDE = 48
"""Up to this many pixels a side a picture is kept to the pixel; larger ones are JPEG, a fifth of the size."""

LARGEST_SIDE = 160
"""Longer sides are reduced to it."""


def render(template: str, **values: Any) -> str:
    """A template of `pages/` with its values, which are escaped. Raises UndefinedError if one is missing."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("gan_pipeline", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = "{:,}".format
    return environment.get_template(template).render(values)


def jpeg_uri(picture: "Image", quality: int = 85) -> str:
    """A picture as a data URI, compressed."""
    return _uri(picture, "jpeg", quality=quality)


def pixels_uri(pixels: NDArray[np.uint8], most: int = LARGEST_SIDE) -> str:
    """uint8 (height, width, 1 or 3) as a data URI, reduced if a side is longer than `most`; small ones to the pixel."""
    from PIL import Image

    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if max(picture.size) <= LOSSLESS_SIDE:
        return _uri(picture, "png")
    picture.thumbnail((most, most))
    return jpeg_uri(picture, 88)


def _uri(picture: "Image", kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
