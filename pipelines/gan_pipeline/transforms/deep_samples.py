"""Images whose samples have more than 8 bits: all bits of them, and how they become 8.

Pillow reads colours of 16 bits as their high bytes alone. Read in the other byte order, it gives their low bytes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, TiffImageFile

from gan_core.errors import UnusableInputError
from gan_pipeline.transforms.opening import OpenedImage, open_image_file, unreadable

Samples = NDArray[np.uint16]
"""uint16 (height, width, channels): grey, grey and alpha, RGB, or RGBA."""

_OTHER_ORDER = {"16B": "16L", "16L": "16B", "16N": "16B"}
_COLOUR_CHANNELS = {1: 1, 2: 1, 3: 3, 4: 3}


@dataclass(frozen=True)
class Levels:
    """The samples that become 0 and 255; those between are scaled linearly, and those beyond are clipped."""

    low: int
    high: int

    def table(self) -> NDArray[np.uint8]:
        """uint8 (65536,): the 8-bit level of every 16-bit sample, rounded to the nearest."""
        samples = np.arange(2**16, dtype=np.float64)
        return (np.clip((samples - self.low) / (self.high - self.low), 0, 1) * 255).round().astype(np.uint8)


def is_deep(opened: OpenedImage) -> bool:
    """Whether an image has samples of more than 8 bits."""
    return opened.bits > 8


def deep_samples(opened: OpenedImage) -> Samples:
    """All bits of the samples, as stored: not turned upright, and transparent pixels too.

    Raises:
        UnusableInputError: stage "decode"; reason "unsupported pixels" (Pillow reads this layout by its high bytes alone)
            or "corrupt or cut off".
    """
    try:
        return _samples(opened)
    except UnusableInputError:
        raise
    # Pillow's readers answer bad bytes with whatever their parsing ran into.
    except Exception as error:
        raise unreadable(error) from error


def _samples(opened: OpenedImage) -> Samples:
    image = opened.image
    if image.mode.startswith("I;16"):
        image.load()
        samples = np.asarray(image).astype(np.uint16)[..., np.newaxis]
        if isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0:
            np.subtract(2**opened.bits - 1, samples, out=samples, dtype=np.uint16)
        return samples
    rawmode = _rawmode(image)
    if rawmode == "LA;16B":
        # Four bytes a pixel: high and low byte of grey, high and low byte of alpha.
        return np.ascontiguousarray(_loaded(image, "RGBA")).view(">u2").astype(np.uint16)
    order = rawmode[-3:]
    if order not in _OTHER_ORDER or rawmode.startswith(("RGBX", "RGBa", "CMYK")):
        raise UnusableInputError("decode", "unsupported pixels", f"{opened.bits}-bit samples stored as {rawmode}")
    other = open_image_file(opened.content).image
    high = np.asarray(_loaded(image, rawmode)).astype(np.uint16)
    low = np.asarray(_loaded(other, rawmode[:-3] + _OTHER_ORDER[order]))
    return high << 8 | low


def colour_range(samples: Samples) -> tuple[int, int]:
    """The least and the greatest sample of the colours; alpha is left out."""
    colours = samples[..., : _COLOUR_CHANNELS[samples.shape[2]]]
    return int(colours.min()), int(colours.max())


def scaled(samples: Samples, levels: Levels, transparent: Any) -> Image.Image:
    """The samples as 8-bit pixels; alpha keeps its high byte.

    Args:
        samples: as `deep_samples` gives them.
        levels: how colours are scaled.
        transparent: the grey or the colour (red, green, blue) that the file declares transparent, or None.

    Returns:
        Mode L, RGB, or RGBA where there is transparency.
    """
    count = _COLOUR_CHANNELS[samples.shape[2]]
    colours = levels.table()[samples[..., :count]]
    if samples.shape[2] > count:
        alpha = (samples[..., count:] >> 8).astype(np.uint8)
    elif transparent is not None:
        alpha = np.where((samples == np.asarray(transparent)).all(axis=2, keepdims=True), 0, 255).astype(np.uint8)
    else:
        return Image.fromarray(colours[..., 0] if count == 1 else colours)
    rgb = np.repeat(colours, 3, axis=2) if count == 1 else colours
    return Image.fromarray(np.concatenate([rgb, alpha], axis=2), "RGBA")


def _rawmode(image: ImageFile) -> str:
    return str(_arguments(image.tile[0])[0])


def _arguments(tile: Any) -> tuple[Any, ...]:
    """The raw mode and what else a decoder of Pillow is given."""
    return (tile.args,) if isinstance(tile.args, str) else tuple(tile.args)


def _loaded(image: ImageFile, rawmode: str) -> ImageFile:
    """The image, its stored bytes unpacked by another of Pillow's raw modes."""
    image.tile = [tile._replace(args=(rawmode, *_arguments(tile)[1:])) for tile in image.tile]
    image.load()
    return image
