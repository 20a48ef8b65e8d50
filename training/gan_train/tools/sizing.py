"""Resizes or pads images of any size for a network with requirements on the size, and restores their size afterwards.

sizing = Fitted((256, 256))          # or Padded(256)
restored = sizing.restored(translate(sizing.prepared(image)), image.shape[:2])
"""

from dataclasses import dataclass

import numpy as np

from gan_pipeline.dataset.options import Resampler, ResizeRule
from gan_pipeline.transforms.resize import resize
from gan_train.sampling.translator import Pixels


@dataclass(frozen=True)
class Fitted:
    """Stretches images to the size of training, and translations back. Images of that size are not changed.

    Attributes:
        sides: (height, width) of training.
    """

    sides: tuple[int, int]

    def prepared(self, image: Pixels) -> Pixels:
        """The image with a size that the network takes."""
        return _stretched(image, self.sides)

    def restored(self, output: Pixels, sides: tuple[int, int]) -> Pixels:
        """The output of the network with the size of the original, (height, width)."""
        return _stretched(output, sides)


@dataclass(frozen=True)
class Padded:
    """Pads images by reflection until both sides are multiples of a number, and crops the translations.

    A small image is reflected several times; a side of one pixel is repeated.

    Attributes:
        multiple: the number that must divide both sides.
    """

    multiple: int

    def prepared(self, image: Pixels) -> Pixels:
        """The image with a size that the network takes."""
        margins = [self._margins(side) for side in image.shape[:2]]
        return np.pad(image, [*margins, (0, 0)], mode="reflect") if any(map(any, margins)) else image

    def restored(self, output: Pixels, sides: tuple[int, int]) -> Pixels:
        """The output of the network with the size of the original, (height, width)."""
        (top, _), (left, _) = (self._margins(side) for side in sides)
        return output[top : top + sides[0], left : left + sides[1]]

    def _margins(self, side: int) -> tuple[int, int]:
        missing = -side % self.multiple
        return missing // 2, missing - missing // 2


Sizing = Fitted | Padded


def _stretched(image: Pixels, sides: tuple[int, int]) -> Pixels:
    return resize(image, *sides, ResizeRule.STRETCH, Resampler.BICUBIC)
