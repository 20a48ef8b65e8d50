"""Losses as pure functions of scores."""

import tensorflow as tf

REAL, FAKE = 1.0, 0.0


def cross_entropy(scores: tf.Tensor, target: float) -> tf.Tensor:
    """Binary cross-entropy of sigmoid(score) against one target (Goodfellow et al. 2014).

    -t log s(x) - (1 - t) log(1 - s(x)), computed from the logit so that it neither saturates nor clips.
    With target REAL on fakes it is the generator's non-saturating loss.

    Args:
        scores: float32 (n, 1) logits.
        target: probability of "real", in [0, 1].

    Returns:
        float32 (n,), one loss per example.
    """
    logits = tf.squeeze(scores, axis=-1)
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.fill(tf.shape(logits), target), logits=logits)
