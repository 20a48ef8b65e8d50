"""How the discriminator's scores are reported, alike in all systems."""

import tensorflow as tf

from gan_train.objectives.labels import Truth


def judged(scores: tf.Tensor, truth: Truth, boundary: float | None = 0.0) -> dict[str, tf.Tensor]:
    """Scores, and where they are right, whatever targets the discriminator was trained to.

    Args:
        scores: float32 (n, 1).
        truth: what the examples are.
        boundary: a score above it says "real"; None for a critic, whose scores say nothing one by one.
    """
    if boundary is None:
        return {"score": scores}
    called_real = tf.cast(scores > boundary, tf.float32)
    return {"score": scores, "accuracy": called_real if truth == "real" else 1 - called_real}


def right_class(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """1 where the largest of the logits, (n, classes), is that of the label, (n,), else 0: float32 (n,)."""
    return tf.cast(tf.argmax(logits, axis=1, output_type=labels.dtype) == labels, tf.float32)
