"""Means over the global batch, from values of which every replica has its own examples."""

import tensorflow as tf


def share_of_mean(values: tf.Tensor, replicas: int) -> tf.Tensor:
    """The part of the mean over the global batch that this replica contributes; the sum of all replicas' parts is the mean.

    Args:
        values: numbers of this replica's examples, of any shape; every replica has as many.
        replicas: number of replicas.

    Returns:
        float32 scalar.
    """
    count = tf.cast(tf.size(values) * replicas, tf.float32)
    return tf.reduce_sum(tf.cast(values, tf.float32)) / count


def global_mean(values: tf.Tensor) -> tf.Tensor:
    """The mean over the global batch, the same on every replica. Needs a replica context, as phases have.

    Args:
        values: numbers of this replica's examples, of any shape; every replica has as many.

    Returns:
        float32 scalar.
    """
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, share_of_mean(values, context.num_replicas_in_sync))
