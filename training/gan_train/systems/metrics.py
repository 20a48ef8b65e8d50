"""Metrics that phases of several systems report."""

import tensorflow as tf

from gan_train.objectives.labels import Source


def score_metrics(scores: tf.Tensor, source: Source, boundary: float | None = 0.0) -> dict[str, tf.Tensor]:
    """The metrics of a discriminator's scores, whatever targets it was trained to.

    Args:
        scores: float32 (n, 1), or one score per patch.
        source: whether the examples are real or fake.
        boundary: the score above which an example is called real; None for a critic, whose single scores call nothing.

    Returns:
        "score", the scores; and unless the boundary is None "accuracy", 1 where the call is right and else 0, of their shape.
    """
    if boundary is None:
        return {"score": scores}
    called_real = tf.cast(scores > boundary, tf.float32)
    return {"score": scores, "accuracy": called_real if source == "real" else 1 - called_real}


def class_accuracy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """1 where the largest of the logits, (n, classes), is that of the label, (n,), else 0: float32 (n,)."""
    return tf.cast(tf.argmax(logits, axis=1, output_type=labels.dtype) == labels, tf.float32)
