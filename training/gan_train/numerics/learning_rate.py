"""The learning rate of a step: a pure function of the step, so that a resumed run needs no state for it."""

import math

import tensorflow as tf

from gan_train.recipe.optimizer_config import ScheduleConfig


def learning_rate(schedule: ScheduleConfig, base: float, step: tf.Tensor) -> tf.Tensor:
    """The learning rate of a step, float32 scalar.

    Args:
        schedule: factors of the base value over the steps.
        base: learning rate at factor 1.
        step: int64 scalar, zero based.
    """
    current = tf.cast(step, tf.float32)
    factor = tf.constant(1.0)
    if schedule.steps is not None:
        elapsed = tf.maximum(current - schedule.start, 0.0) / schedule.steps
        share = tf.minimum(elapsed, 1.0)
        factor = {
            "constant": factor,
            "linear": 1 - share,
            "cosine": (1 + tf.cos(math.pi * share)) / 2,
            "exponential": tf.pow(schedule.rate, elapsed),
        }[schedule.shape]
    if schedule.warm_up:
        factor *= tf.minimum((current + 1) / schedule.warm_up, 1.0)
    return base * factor
