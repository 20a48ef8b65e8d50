"""Batch normalisation with moving averages that are right from the first step, and statistics of one replica or of all."""

from typing import Any

import keras
import tensorflow as tf

from gan_train.networks.passes import training_pass_of


class BatchNormalization(keras.layers.Layer):
    """Batch normalisation (Ioffe and Szegedy 2015) over the last axis, on TensorFlow's fused operation.

    Moving averages use the unbiased variance and, with `bias_correction`, an effective momentum of
    1 - (1 - m) / (1 - m**t) after t updates: the average of the batches so far, never of the initial 0 and 1.
    Statistics are those of the replica's batch, and moving averages are averaged over replicas; with `synchronized`,
    statistics are those of the global batch, of which every replica must have the same share. Weights and statistics
    are float32 in every precision; outputs have the dtype of the inputs.

    Args:
        momentum: m above, in [0, 1).
        epsilon: number added to the variance.
        bias_correction: see above; Keras 3 has none.
        synchronized: see above; it changes nothing where there is one replica.
        affine: whether each channel has a scale and a shift that are learned.
        **options: options of `keras.layers.Layer`.
    """

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        bias_correction: bool = True,
        synchronized: bool = False,
        affine: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.momentum, self.epsilon, self.bias_correction = momentum, epsilon, bias_correction
        self.synchronized, self.affine = synchronized, affine

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels: dict[str, Any] = {"shape": (input_shape[-1],), "autocast": False}
        if self.affine:
            self.gamma = self.add_weight(name="gamma", initializer="ones", **channels)
            self.beta = self.add_weight(name="beta", initializer="zeros", **channels)
        statistics = channels | {"trainable": False, "aggregation": "mean"}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **statistics)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **statistics)
        self.updates = self.add_weight(
            name="updates", shape=(), initializer="zeros", trainable=False, aggregation="only_first_replica", autocast=False
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        # A frozen layer keeps its statistics, so it uses them as well.
        if not training or not self.trainable:
            return self._fused(inputs, self.moving_mean, self.moving_variance, is_training=False)[0]
        current = training_pass_of(self)
        if self.synchronized and current.draw.replicas > 1:
            outputs, mean, variance = self._over_replicas(inputs, current.draw.replicas)
        else:
            outputs, mean, variance = self._fused(inputs, (), (), is_training=True)
        if current.update_statistics:
            self._follow(mean, variance)
        return outputs

    def compute_output_spec(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        # Keras would trace the layer to find the shape, which takes most of the time of building a network.
        return keras.KerasTensor(inputs.shape, self.compute_dtype)

    def _scale_and_shift(self, channels: int) -> tuple[tf.Tensor, tf.Tensor]:
        if self.affine:
            return tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        return tf.ones((channels,)), tf.zeros((channels,))

    def _fused(self, inputs: tf.Tensor, mean: Any, variance: Any, is_training: bool) -> tuple[tf.Tensor, ...]:
        shape = tf.shape(inputs)
        images = inputs if len(inputs.shape) == 4 else tf.reshape(inputs, (-1, 1, 1, inputs.shape[-1]))
        scale, shift = self._scale_and_shift(inputs.shape[-1])
        outputs, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=scale,
            offset=shift,
            mean=tf.convert_to_tensor(mean, tf.float32),
            variance=tf.convert_to_tensor(variance, tf.float32),
            epsilon=self.epsilon,
            is_training=is_training,
        )
        return tf.reshape(outputs, shape), batch_mean, batch_variance

    def _over_replicas(self, inputs: tf.Tensor, replicas: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Outputs, mean and unbiased variance of the global batch."""
        values = tf.cast(inputs, tf.float32)
        mean, variance = _global_moments(values)
        scale, shift = self._scale_and_shift(values.shape[-1])
        outputs = tf.nn.batch_normalization(values, mean, variance, shift, scale, self.epsilon)
        count = tf.cast(tf.size(values) // values.shape[-1] * replicas, tf.float32)
        return tf.cast(outputs, inputs.dtype), mean, variance * count / (count - 1)

    def _follow(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        count = tf.convert_to_tensor(self.updates) + 1.0
        weight = 1.0 - self.momentum
        if self.bias_correction:
            weight = weight / (1.0 - tf.pow(self.momentum, count))
        for moving, current in ((self.moving_mean, mean), (self.moving_variance, variance)):
            before = tf.convert_to_tensor(moving)
            moving.assign(before + weight * (current - before))
        self.updates.assign(count)


def _global_moments(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance of the global batch, float32 (channels,), in one all-reduce that gradients pass through.

    The replicas' own variances are combined by Chan, Golub and LeVeque (1983); the difference of large squares that
    remains is between the replicas' means only.
    """
    axes = list(range(len(values.shape) - 1))
    mean = tf.reduce_mean(values, axes)
    # tf.nn.moments stops a gradient in here, which makes second derivatives wrong.
    variance = tf.reduce_mean(tf.square(values - mean), axes)
    context = tf.distribute.get_replica_context()
    mean, square = tf.unstack(context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.stack([mean, variance + tf.square(mean)])))
    return mean, tf.nn.relu(square - tf.square(mean))
