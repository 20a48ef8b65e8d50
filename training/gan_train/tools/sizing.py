"""How images of any size go through a network that wants certain sides, and come back to their size. No I/O.

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
    """Stretched to the sides of training, and the translation back again; what has them already stays as it is.

    Attributes:
        sides: (height, width).
    """

    sides: tuple[int, int]

    def prepared(self, image: Pixels) -> Pixels:
        """The image for the network."""
        return _stretched(image, self.sides)

    def restored(self, made: Pixels, sides: tuple[int, int]) -> Pixels:
        """The network's output, with the sides of the original."""
        return _stretched(made, sides)


@dataclass(frozen=True)
class Padded:
    """As large as it is, with its mirror image around it to the next multiples, which is cut off the translation.

    An image smaller than that is mirrored again and again; a side of one pixel is repeated.

    Attributes:
        multiple: of both sides, which the network wants.
    """

    multiple: int

    def prepared(self, image: Pixels) -> Pixels:
        """The image for the network."""
        margins = [self._margins(side) for side in image.shape[:2]]
        return np.pad(image, [*margins, (0, 0)], mode="reflect") if any(map(any, margins)) else image

    def restored(self, made: Pixels, sides: tuple[int, int]) -> Pixels:
        """The network's output, with the sides of the original."""
        (top, _), (left, _) = (self._margins(side) for side in sides)
        return made[top : top + sides[0], left : left + sides[1]]

    def _margins(self, side: int) -> tuple[int, int]:
        missing = -side % self.multiple
        return missing // 2, missing - missing // 2


Sizing = Fitted | Padded


def _stretched(image: Pixels, sides: tuple[int, int]) -> Pixels:
    return resize(image, *sides, ResizeRule.STRETCH, Resampler.BICUBIC)
