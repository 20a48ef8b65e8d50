"""Targets of the discriminator: label smoothing and label flips, spec A 1.2 (H3, H4).

noise = LabelNoise(real=(0.7, 1.2), fake=(0.0, 0.3), flip=0.05)
losses = loss.on_real(scores, targets("real", noise, draw, count))

For the discriminator only: the generator's target stays exactly REAL.
"""

from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from gan_train.numerics.randomness import Draw
from gan_train.objectives.losses import FAKE, REAL

Truth = Literal["real", "fake"]


@dataclass(frozen=True)
class LabelNoise:
    """How targets differ from the plain 1 and 0.

    Attributes:
        real: (low, high) of the uniform target of an example labelled real; equal ends fix it.
        fake: the same for an example labelled fake.
        flip: probability in [0, 1] that an example carries the wrong label.
    """

    real: tuple[float, float] = (REAL, REAL)
    fake: tuple[float, float] = (FAKE, FAKE)
    flip: float = 0.0


def targets(truth: Truth, noise: LabelNoise, draw: Draw, count: int) -> tf.Tensor:
    """A target for each example of this replica's share of `count` real, or `count` fake, images of the global batch.

    Each label is flipped on its own; the target is then drawn from the range of the label the example ended with
    (spec A, G16 and G17). So a flipped real looks like any fake.

    Returns:
        float32 (count / replicas,).
    """
    kept, wrong = (noise.real, noise.fake) if truth == "real" else (noise.fake, noise.real)
    flips, places = tf.unstack(draw.uniform(count, 2), axis=1)
    flipped = flips < noise.flip
    low, high = (tf.where(flipped, wrong[end], kept[end]) for end in (0, 1))
    return low + (high - low) * places
