"""Two images that came side by side in one."""

from PIL import Image as Pillow

from gan_core.errors import UnusableInputError
from gan_pipeline.dataset.options import Resampler, ResizeRule
from gan_pipeline.transforms.resize import resize_image

_LEAST_RATIO, _MOST_RATIO = 1.8, 2.2
"""Width by height of an image that shows two squares side by side, within a tenth."""


def is_side_by_side(width: int, height: int) -> bool:
    """Whether an image is about twice as wide as it is high."""
    return _LEAST_RATIO * height <= width <= _MOST_RATIO * height


def split_pair(
    image: Pillow.Image, height: int, width: int, swap: bool, resampler: Resampler
) -> tuple[Pillow.Image, Pillow.Image]:
    """Split a side-by-side image at its middle column and stretch each half to a size.

    With `nearest` the whole is resized to (height, 2*width) and split after that, as Brownlee (Generative Adversarial
    Networks with Python) loads the maps for pix2pix: the other order rounds differently now and then. The other filters
    would mix the two halves at the seam in that order, so with them each half is resized on its own.

    Args:
        image: has an even width that is not less than its height.
        height: of each result in pixels.
        width: of each result in pixels.
        swap: whether the right half is the source.
        resampler: the filter.

    Returns:
        (source, target) of the same mode: the left half and the right half, unless swapped.

    Raises:
        UnusableInputError: stage "pair", reason "odd width" or "not side by side" (the image is higher than wide); or as
            `resize_image` says.
    """
    if image.width < image.height:
        raise UnusableInputError("pair", "not side by side", f"{image.width}x{image.height} pixels")
    if image.width % 2:
        raise UnusableInputError("pair", "odd width", f"{image.width}x{image.height} pixels")
    if resampler is Resampler.NEAREST:
        image = resize_image(image, height, 2 * width, ResizeRule.STRETCH, resampler)
    middle = image.width // 2
    halves = (image.crop((start, 0, start + middle, image.height)) for start in (0, middle))
    left, right = (resize_image(half, height, width, ResizeRule.STRETCH, resampler) for half in halves)
    return (right, left) if swap else (left, right)
