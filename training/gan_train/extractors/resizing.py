"""Resizes images for an extractor. Scores depend strongly on the resizer (Parmar et al. 2022), so each score names it.

nearest             as in Brownlee, Generative Adversarial Networks with Python, ch. 13: pixels are repeated or left out
bilinear, bicubic   Pillow's filters, which average over every pixel they shrink, on float32 (the clean protocol)
"""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from gan_core.errors import UsageError

Resizer = Literal["nearest", "bilinear", "bicubic"]
RESIZERS: tuple[str, ...] = get_args(Resizer)
NONE = "none"
"""The resizer in the protocol where images already had the size of the extractor."""

Pixels = NDArray[Any]
"""uint8 or float32 (n, height, width, channels), 0 to 255."""


def check_fits(resizer: str, shape: tuple[int, ...], wanted: tuple[int, int, int], extractor: str) -> str:
    """The resizer's name for the protocol, "none" if no image changes its size.

    Args:
        resizer: value of the option --resizer.
        shape: (height, width, channels) of the images.
        wanted: (height, width, channels) that the extractor takes.
        extractor: name of the extractor, for the message.

    Raises:
        UsageError: no such resizer, or images in colour for an extractor of grey ones.
    """
    if resizer not in RESIZERS:
        raise UsageError(f"--resizer {resizer!r} is unknown; choose one of: {', '.join(RESIZERS)}")
    if shape[2] not in (1, wanted[2]):
        has, takes = ("x".join(map(str, one)) for one in (shape, wanted))
        raise UsageError(f"images are {has}, {extractor} takes {takes}; choose another --extractor")
    return NONE if tuple(shape[:2]) == wanted[:2] else resizer


def resized(images: NDArray[np.uint8], wanted: tuple[int, int, int], resizer: str) -> Pixels:
    """Resize images for an extractor; the channel of grey images is repeated for one that takes colour.

    Args:
        images: uint8 (n, height, width, channels).
        wanted: height, width and channels.
        resizer: one of RESIZERS, or "none" for images of the size.

    Returns:
        uint8 where pixels are only copied, else float32; 0 to 255.
    """
    sized: Pixels = images
    if resizer == "nearest":
        rows, columns = (_nearest(had, side) for had, side in zip(images.shape[1:3], wanted[:2], strict=True))
        sized = images[:, rows][:, :, columns]
    elif resizer != NONE:
        sized = _filtered(images, wanted[:2], resizer)
    return np.broadcast_to(sized, (*sized.shape[:3], wanted[2]))


def _nearest(had: int, side: int) -> NDArray[np.int64]:
    """The index of the source pixel with the nearest centre, for each of `side` pixels, of `had` in the source."""
    return ((np.arange(side) + 0.5) * had / side).astype(np.int64)


def _filtered(images: NDArray[np.uint8], sides: tuple[int, ...], resizer: str) -> NDArray[np.float32]:
    """Resize channel by channel, because float images of Pillow have one, and clip where bicubic overshoots."""
    height, width = sides
    channels = np.moveaxis(images.astype(np.float32), 3, 1)
    sized = [
        [np.asarray(Pillow.fromarray(channel).resize((width, height), Pillow.Resampling[resizer.upper()])) for channel in image]
        for image in channels
    ]
    return np.clip(np.moveaxis(np.asarray(sized, np.float32), 1, 3), 0, 255)
