"""Layers whose training pass is explicit: where its random numbers come from and whose statistics it may move.

scores = training_pass(discriminator, images, draw, update_statistics=True)
fakes = inference_pass(generator, latents)
plain_copy(generator).save("generator.keras")     # loads in Keras alone
"""

import threading
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from gan_train.networks.thin_conv import ThinConv2D
from gan_train.randomness import Draw


@dataclass(frozen=True)
class _Pass:
    draw: Draw
    update_statistics: bool
    parts: int


# Replicas are traced in threads of their own.
_current = threading.local()


def training_pass(network: keras.Model, inputs: tf.Tensor, draw: Draw, update_statistics: bool, parts: int = 1) -> tf.Tensor:
    """Run a network in training mode.

    Args:
        network: built from the layers of this module.
        inputs: this replica's batch.
        draw: where dropout takes its numbers from.
        update_statistics: whether moving averages follow this batch; False when another player is trained through
            this network (spec C, G7).
        parts: how many batches, each shared among the replicas, are stacked in the inputs.
    """
    _current.value = _Pass(draw, update_statistics, parts)
    try:
        return network(inputs, training=True)
    finally:
        _current.value = None


def inference_pass(network: keras.Model, inputs: tf.Tensor) -> tf.Tensor:
    """Run a network in inference mode: moving averages, no dropout."""
    return network(inputs, training=False)


def _training_pass_of(layer: keras.Layer) -> _Pass:
    current: _Pass | None = getattr(_current, "value", None)
    if current is None:
        raise RuntimeError(f"layer {layer.name}: call its network by training_pass(), not with training=True")
    return current


class Dropout(keras.layers.Layer):
    """Inverted dropout whose mask depends only on the address of its numbers. Identity in inference mode."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        current = _training_pass_of(self)
        kept = current.draw.uniform_like(inputs, current.parts) >= self.rate
        return tf.where(kept, inputs / (1 - self.rate), tf.zeros_like(inputs))


class BatchNormalization(keras.layers.Layer):
    """Batch normalisation (Ioffe and Szegedy 2015) over the last axis, on TensorFlow's fused operation.

    Moving averages use the unbiased variance and, with `bias_correction`, an effective momentum of
    1 - (1 - m) / (1 - m**t) after t updates: the average of what was seen so far, never of the initial 0 and 1.
    Statistics are those of the replica's batch; moving averages are averaged over replicas.

    Args:
        momentum: m, in [0, 1).
        epsilon: added to the variance.
        bias_correction: see above; False is what Keras 3 does.
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, bias_correction: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.momentum, self.epsilon, self.bias_correction = momentum, epsilon, bias_correction

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=channels, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=channels, initializer="zeros")
        statistics = {"shape": channels, "trainable": False, "aggregation": "mean"}
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **statistics)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **statistics)
        self.updates = self.add_weight(
            name="updates", shape=(), initializer="zeros", trainable=False, aggregation="only_first_replica"
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return self._fused(inputs, self.moving_mean, self.moving_variance, is_training=False)[0]
        current = _training_pass_of(self)
        outputs, mean, variance = self._fused(inputs, (), (), is_training=True)
        if current.update_statistics:
            self._follow(mean, variance)
        return outputs

    def _fused(self, inputs: tf.Tensor, mean: Any, variance: Any, is_training: bool) -> tuple[tf.Tensor, ...]:
        shape = tf.shape(inputs)
        images = inputs if len(inputs.shape) == 4 else tf.reshape(inputs, (-1, 1, 1, inputs.shape[-1]))
        outputs, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.convert_to_tensor(mean, tf.float32),
            variance=tf.convert_to_tensor(variance, tf.float32),
            epsilon=self.epsilon,
            is_training=is_training,
        )
        return tf.reshape(outputs, shape), batch_mean, batch_variance

    def _follow(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        count = tf.convert_to_tensor(self.updates) + 1.0
        weight = 1.0 - self.momentum
        if self.bias_correction:
            weight = weight / (1.0 - tf.pow(self.momentum, count))
        for moving, seen in ((self.moving_mean, mean), (self.moving_variance, variance)):
            before = tf.convert_to_tensor(moving)
            moving.assign(before + weight * (seen - before))
        self.updates.assign(count)


def plain_copy(network: keras.Model) -> keras.Model:
    """The same function in inference mode, built from Keras' own layers only, so that Keras alone loads it."""
    copy = keras.models.clone_model(network, clone_function=_plain_layer)
    for original, plain in zip(network.layers, copy.layers, strict=True):
        plain.set_weights(original.get_weights()[: len(plain.weights)])
    return copy


def _plain_layer(layer: keras.Layer) -> keras.Layer:
    if isinstance(layer, BatchNormalization):
        return keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon, name=layer.name)
    if isinstance(layer, Dropout):
        return keras.layers.Dropout(layer.rate, name=layer.name)
    if isinstance(layer, ThinConv2D):
        return keras.layers.Conv2D.from_config(layer.get_config())
    return layer.__class__.from_config(layer.get_config())
