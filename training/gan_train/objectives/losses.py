"""Adversarial losses as pure functions of scores, one value per example, all to be minimised.

loss = LOSSES["hinge"]
discriminator_losses = tf.concat([loss.on_real(real_scores), loss.on_fake(fake_scores)], axis=0)
generator_losses = loss.of_generator(fake_scores)

A score s is the last layer's output: the logit of "this is real", or a critic's score. t is the target, REAL or FAKE.

    name             discriminator                         generator        source
    minimax          -t log p - (1 - t) log(1 - p)         log(1 - p)       Goodfellow et al. 2014, p = sigmoid(s)
    non-saturating   the same                              -log p           the same
    least-squares    (s - t)^2                             (s - 1)^2        Mao et al. 2017, as Keras' MSE: no 1/2
    wasserstein      -s on real, s on fake                 -s               Arjovsky et al. 2017
    hinge            max(0, 1 - s), max(0, 1 + s)          -s               Lim and Ye 2017
    relativistic     -log sigmoid(s_real - s_fake)         with the signs   Jolicoeur-Martineau 2019; Huang et al. 2024
                                                           swapped

The relativistic loss judges pairs: a real example only has to look more real than the generated one beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import tensorflow as tf

REAL, FAKE = 1.0, 0.0
"""Targets of real and of fake examples."""

Target: TypeAlias = float | tf.Tensor
"""One number for the whole batch, or float32 (n,), one per example."""


@dataclass(frozen=True)
class Loss:
    """The losses of both players. Scores are float32 (n, 1), losses float32 (n,).

    Attributes:
        of_discriminator: the discriminator's losses, a function of (scores, target). The exact targets REAL and FAKE, and so
            flipped labels, suit every loss.
        of_generator: the generator's losses, a function of the scores of its images.
        takes_soft_targets: whether other targets than REAL and FAKE have a meaning: a probability for cross-entropy, a value to
            reach for least squares.
        boundary: the score above which an example is called real, half-way between the targets; None for a critic, whose scores
            have no fixed zero (Arjovsky et al. 2017).
        paired: whether scores are differences: the score of an example minus that of an example of the other kind.
    """

    of_discriminator: Callable[[tf.Tensor, Target], tf.Tensor]
    of_generator: Callable[[tf.Tensor], tf.Tensor]
    takes_soft_targets: bool
    boundary: float | None = 0.0
    paired: bool = False

    def on_real(self, scores: tf.Tensor, target: Target = REAL) -> tf.Tensor:
        """The discriminator's losses on real images."""
        return self.of_discriminator(scores, target)

    def on_fake(self, scores: tf.Tensor, target: Target = FAKE) -> tf.Tensor:
        """The discriminator's losses on generated images."""
        return self.of_discriminator(scores, target)


def cross_entropy(scores: tf.Tensor, target: Target) -> tf.Tensor:
    """Binary cross-entropy of sigmoid(score) against a target (Goodfellow et al. 2014).

    It is -t log p - (1 - t) log(1 - p) with p = sigmoid(score), computed from the logit so that it neither saturates nor clips.
    With target REAL on fakes it is the generator's non-saturating loss. With a target outside [0, 1] it has no lower bound,
    since it is linear in the logit on one side.

    Args:
        scores: float32 (n, 1) logits.
        target: probability that the example is real, usually in [0, 1].

    Returns:
        float32 (n,), one loss per example.
    """
    logits = _per_example(scores)
    labels = tf.broadcast_to(tf.cast(target, tf.float32), tf.shape(logits))
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)


def _non_saturating(scores: tf.Tensor) -> tf.Tensor:
    return cross_entropy(scores, REAL)


def _saturating(scores: tf.Tensor) -> tf.Tensor:
    # log(1 - sigmoid(s)) as written would round to log(0).
    return -tf.nn.softplus(_per_example(scores))


def _squared_error(scores: tf.Tensor, target: Target) -> tf.Tensor:
    return tf.square(_per_example(scores) - target)


def _squared_error_to_real(scores: tf.Tensor) -> tf.Tensor:
    return _squared_error(scores, REAL)


def _signed_score(scores: tf.Tensor, target: Target) -> tf.Tensor:
    return (1.0 - 2.0 * target) * _per_example(scores)


def _hinge(scores: tf.Tensor, target: Target) -> tf.Tensor:
    values = _per_example(scores)
    return target * tf.nn.relu(1.0 - values) + (1.0 - target) * tf.nn.relu(1.0 + values)


def _negative_score(scores: tf.Tensor) -> tf.Tensor:
    return -_per_example(scores)


def _per_example(scores: tf.Tensor) -> tf.Tensor:
    return tf.squeeze(scores, axis=-1)


LOSSES = {
    "minimax": Loss(cross_entropy, _saturating, takes_soft_targets=True),
    "non-saturating": Loss(cross_entropy, _non_saturating, takes_soft_targets=True),
    "least-squares": Loss(_squared_error, _squared_error_to_real, takes_soft_targets=True, boundary=(REAL + FAKE) / 2),
    "wasserstein": Loss(_signed_score, _negative_score, takes_soft_targets=False, boundary=None),
    "hinge": Loss(_hinge, _negative_score, takes_soft_targets=False),
    "relativistic": Loss(cross_entropy, _non_saturating, takes_soft_targets=False, boundary=None, paired=True),
}
"""Losses by the names that recipes use."""
