"""Layers whose training pass is explicit: where its random numbers come from and whose statistics it may move.

scores = training_pass(discriminator, images, draw, update_statistics=True)
fakes = inference_pass(generator, latents)
plain_copy(generator).save("generator.keras")     # loads in Keras alone
"""

from typing import Any

import keras
import tensorflow as tf

from gan_train.networks.normalization import BatchNormalization
from gan_train.networks.passes import inference_pass, training_pass, training_pass_of
from gan_train.networks.spectral import SpectralNormalization
from gan_train.networks.thin_conv import ThinConv2D

__all__ = ["BatchNormalization", "Dropout", "SpectralNormalization", "inference_pass", "plain_copy", "training_pass"]


class Dropout(keras.layers.Layer):
    """Inverted dropout whose mask depends only on the address of its numbers. Identity in inference mode."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        current = training_pass_of(self)
        kept = current.draw.uniform_like(inputs, current.parts) >= self.rate
        return tf.where(kept, inputs / (1 - self.rate), tf.zeros_like(inputs))


def plain_copy(network: keras.Model) -> keras.Model:
    """The same function in inference mode, in float32, built from Keras' own layers only, so that Keras alone loads it."""
    copy = keras.models.clone_model(network, clone_function=_plain_layer)
    for original, plain in zip(network.layers, copy.layers, strict=True):
        plain.set_weights(_plain_weights(original)[: len(plain.weights)])
    return copy


def _plain_layer(layer: keras.Layer) -> keras.Layer:
    if isinstance(layer, BatchNormalization):
        return keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon, name=layer.name)
    if isinstance(layer, Dropout):
        return keras.layers.Dropout(layer.rate, name=layer.name)
    if isinstance(layer, SpectralNormalization):
        return _plain_layer(layer.layer)
    kind = keras.layers.Conv2D if isinstance(layer, ThinConv2D) else layer.__class__
    return kind.from_config(layer.get_config() | {"dtype": "float32"})


def _plain_weights(layer: keras.Layer) -> list[Any]:
    return layer.normalised_weights() if isinstance(layer, SpectralNormalization) else layer.get_weights()
