"""From an opened image file to upright 8-bit pixels, in colour or grey."""

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_core.errors import UnusableInputError
from gan_pipeline.transforms.deep_samples import Levels, deep_samples, is_deep, scaled
from gan_pipeline.transforms.opening import IMAGE_SUFFIXES, MAX_PIXELS, OpenedImage, open_image_file, unreadable
from gan_pipeline.transforms.orientation import TURNS

__all__ = ["IMAGE_SUFFIXES", "MAX_PIXELS", "Decoded", "Decoding", "decode", "decode_image_file"]

Channels = Literal[1, 3]

_DRAFT_GAP = 2
"""A JPEG is decoded at a reduced size only if that is still so many times the size that is wanted, as Pillow's
`Image.thumbnail` does it: the last step is then left to the resampling filter."""


@dataclass(frozen=True)
class Decoding:
    """How image files become pixels.

    Attributes:
        channels: 3 for RGB, 1 for grey (ITU-R 601-2 luma, Pillow's mode L).
        levels: how samples of more than 8 bits are scaled; None keeps their high 8 bits.
        draft: (height, width) that the pixels will be scaled to, if a JPEG may be decoded at a half, a quarter or an eighth
            of its size on the way; None decodes all pixels.
    """

    channels: Channels = 3
    levels: Levels | None = None
    draft: tuple[int, int] | None = None


@dataclass(frozen=True)
class Decoded:
    """The pixels of an image file.

    Attributes:
        image: upright; mode RGB or L.
        used_bits: for samples of more than 8 bits of which the high 8 were kept, the bits that the greatest sample needs,
            given that the file promises 16: 16 is the full range, 12 leaves 16 levels. 0 for all other images.
    """

    image: Image.Image
    used_bits: int = 0


def decode(opened: OpenedImage, decoding: Decoding) -> Decoded:
    """Decode an opened file. May be called from many threads, for different files.

    The image is turned upright by its EXIF or XMP orientation. Transparent pixels are composited on white. CMYK is taken as
    Adobe stores it (inverted), and colour profiles are ignored.

    Raises:
        UnusableInputError: stage "decode"; reason "corrupt or cut off" or "unsupported pixels".
    """
    try:
        if is_deep(opened) and (decoding.levels or opened.image.mode.startswith("I;16")):
            image, used_bits = _decode_deep(opened, decoding.levels)
        else:
            image = opened.image
            if decoding.draft:
                _draft(opened, decoding.draft)
            image.load()
            used_bits = _used_bits(image) if is_deep(opened) else 0
            if opened.bits == 16 and image.mode == "RGB":
                # By its high byte alone the transparent colour would be that of its neighbours too.
                image.info.pop("transparency", None)
        flat = _on_white(image)
        if flat.mode != "RGB" and (flat.mode != "L" or decoding.channels == 3):
            flat = flat.convert("RGB")
        if decoding.channels == 1 and flat.mode != "L":
            flat = flat.convert("L")
        turn = TURNS.get(opened.orientation)
        return Decoded(flat if turn is None else flat.transpose(turn), used_bits)
    except UnusableInputError:
        raise
    # Pillow's readers answer bad bytes with whatever their parsing ran into: OSError, KeyError, ZeroDivisionError, ...
    except Exception as error:
        raise unreadable(error) from error


def decode_image_file(content: bytes) -> NDArray[np.uint8]:
    """Decode a whole image file as RGB.

    Args:
        content: the file.

    Returns:
        uint8 (height, width, 3), RGB in 0..255, read-only.

    Raises:
        UnusableInputError: stage "decode", with the reasons of `open_image_file` and `decode`.
    """
    return np.asarray(decode(open_image_file(content), Decoding()).image)


def _decode_deep(opened: OpenedImage, levels: Levels | None) -> tuple[Image.Image, int]:
    """8-bit pixels of an image with samples of more than 8 bits, and the bits that were used if the high 8 are kept."""
    samples = deep_samples(opened)
    transparent = opened.image.info.get("transparency")
    if levels is not None:
        return scaled(samples, levels, transparent), 0
    high = (samples >> (opened.bits - 8)).astype(np.uint8)
    if transparent is not None:
        high[samples == transparent] = 255
    return Image.fromarray(high[..., 0]), int(samples.max()).bit_length() if opened.bits == 16 else 0


def _used_bits(image: Image.Image) -> int:
    """The bits that the greatest sample of the colours needs, if a colour `image` holds the high bytes."""
    bands = cast("tuple[tuple[int, int], ...]", image.getextrema())
    return 8 + max(greatest for _, greatest in bands[:3]).bit_length()


def _draft(opened: OpenedImage, size: tuple[int, int]) -> None:
    """Let a JPEG be decoded at a reduced size. Images of other formats stay as they are."""
    height, width = reversed(size) if opened.turned else size
    opened.image.draft(None, (_DRAFT_GAP * width, _DRAFT_GAP * height))


def _on_white(image: Image.Image) -> Image.Image:
    """The image without transparency."""
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    if image.format == "BMP" and rgba.getchannel("A").getextrema() == (0, 0):
        # Windows programs leave the fourth byte of a pixel at 0 where they mean no transparency.
        return rgba.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
