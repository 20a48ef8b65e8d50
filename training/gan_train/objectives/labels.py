"""Targets of the discriminator: label smoothing (Salimans et al. 2016) and noisy labels (Chintala et al. 2016).

noise = LabelNoise(real=(0.7, 1.2), fake=(0.0, 0.3), flip=0.05)
losses = loss.on_real(scores, targets("real", noise, draw, count))

They are the discriminator's only: the generator's target is exactly REAL.
"""

from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from gan_train.numerics.randomness import Draw
from gan_train.objectives.losses import FAKE, REAL

Source = Literal["real", "fake"]
"""Whether an example is from the dataset or from the generator; the paper on AC-GAN (Odena et al. 2017) calls it the source."""


@dataclass(frozen=True)
class LabelNoise:
    """How targets differ from the plain 1 and 0.

    Attributes:
        real: (low, high) of the uniform target of an example labelled real; equal ends fix it.
        fake: the same for an example labelled fake.
        flip: probability in [0, 1] that an example gets the wrong label.
    """

    real: tuple[float, float] = (REAL, REAL)
    fake: tuple[float, float] = (FAKE, FAKE)
    flip: float = 0.0


def targets(source: Source, noise: LabelNoise, draw: Draw, count: int) -> tf.Tensor:
    """Targets of this replica's share of `count` real, or `count` fake, images of the global batch.

    Each label is flipped on its own; the target is then drawn from the range of the label that the example ended with, so that
    a flipped real example has the target of a fake one.

    Returns:
        float32 (count / replicas,).
    """
    right, wrong = (noise.real, noise.fake) if source == "real" else (noise.fake, noise.real)
    flips, places = tf.unstack(draw.uniform(count, 2), axis=1)
    flipped = flips < noise.flip
    low, high = (tf.where(flipped, wrong[end], right[end]) for end in (0, 1))
    return low + (high - low) * places
