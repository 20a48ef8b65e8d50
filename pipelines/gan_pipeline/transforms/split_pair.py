"""Two images that came side by side in one."""

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.options import Resampler, ResizeRule
from gan_pipeline.transforms.resize import resize


def split_pair(
    image: NDArray[np.uint8], size: int, swap: bool, resampler: Resampler
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Split a side-by-side image at its middle column and stretch each half to a square.

    With `nearest` the whole is resized to (size, 2*size) and split after that, as the published loader of the maps does:
    the other order rounds differently now and then. The other filters would mix the two halves at the seam in that order,
    so with them each half is resized on its own.

    Args:
        image: uint8 (height, width, 3), with an even width that is not less than the height.
        size: side of each result in pixels.
        swap: the right half is the source.
        resampler: the filter.

    Returns:
        (source, target), each uint8 (size, size, 3): the left half and the right half, unless swapped.

    Raises:
        UnusableInputError: stage "pair", reason "odd width" or "not side by side" (the image is higher than wide).
    """
    height, width = image.shape[:2]
    if width < height:
        raise UnusableInputError("pair", "not side by side", f"{width}x{height} pixels")
    if width % 2:
        raise UnusableInputError("pair", "odd width", f"{width}x{height} pixels")
    if resampler is Resampler.NEAREST:
        image = resize(image, size, 2 * size, ResizeRule.STRETCH, resampler)
    left, right = (resize(half, size, size, ResizeRule.STRETCH, resampler) for half in np.hsplit(image, 2))
    return (right, left) if swap else (left, right)
