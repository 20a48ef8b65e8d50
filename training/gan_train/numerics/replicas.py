"""Tensors and variables as one replica sees them: sums over replicas, and changes to its own copy of a variable.

Keras' `variable.assign` exchanges values between replicas. Where every replica computes the same value, that is work for
nothing, and it may not stand inside a condition; the functions here change this replica's copy alone.
"""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf


def global_norm(values: Sequence[tf.Tensor | keras.Variable]) -> tf.Tensor:
    """Euclidean norm of all numbers in these tensors or variables together, float32 scalar."""
    return tf.linalg.global_norm([tf.convert_to_tensor(value) for value in values])


def assign_own(variable: keras.Variable, value: tf.Tensor) -> None:
    """Assign to this replica's copy of a variable alone; for values that all replicas compute alike.

    Unlike `variable.assign` it exchanges nothing, so it may stand inside a condition. Needs a replica context.
    """
    tf.raw_ops.AssignVariableOp(resource=own_handle(variable), value=value)


def sum_over_replicas(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """The sum of each gradient over all replicas, in one all-reduce; called in replica context."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return gradients
    flat = tf.concat([tf.reshape(gradient, (-1,)) for gradient in gradients], axis=0)
    parts = tf.split(context.all_reduce(tf.distribute.ReduceOp.SUM, flat), [math.prod(g.shape) for g in gradients])
    return [tf.reshape(part, gradient.shape) for part, gradient in zip(parts, gradients, strict=True)]


def own_handle(variable: keras.Variable) -> tf.Tensor:
    """The resource handle of this replica's copy of a variable, as TensorFlow's raw operations take it."""
    return variable.value.handle


def read(variable: keras.Variable) -> tf.Tensor:
    """The value of this replica's copy of a variable."""
    return tf.convert_to_tensor(variable)


def subtract_own(variable: keras.Variable, value: tf.Tensor) -> None:
    """Subtract from this replica's copy of a variable alone; see `assign_own`."""
    tf.raw_ops.AssignSubVariableOp(resource=own_handle(variable), value=value)
