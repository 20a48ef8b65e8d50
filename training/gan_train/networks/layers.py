"""Layers whose training pass is explicit about its random numbers and about the statistics that it may move.

scores = training_pass(discriminator, images, draw, update_statistics=True)
fakes = inference_pass(generator, latents)
plain_copy(generator).save("generator.keras")     # loads in Keras alone
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from gan_train.networks.gain import Gain
from gan_train.networks.instance_norm import InstanceNormalization
from gan_train.networks.normalization import BatchNormalization
from gan_train.networks.passes import inference_pass, sampling_draw_of, training_pass, training_pass_of
from gan_train.networks.spectral import SpectralNormalization
from gan_train.networks.thin_conv import ThinConv2D
from gan_train.numerics.randomness import Draw

__all__ = ["BatchNormalization", "Dropout", "SpectralNormalization", "inference_pass", "plain_copy", "training_pass"]


class Dropout(keras.layers.Layer):
    """Inverted dropout whose mask depends only on the address of its random numbers; see numerics/randomness.py.

    Args:
        rate: share of the inputs that are set to 0, in [0, 1).
        in_sampling: whether the layer drops in inference mode too; otherwise it is the identity there.
        **options: options of `keras.layers.Layer`.
    """

    def __init__(self, rate: float, in_sampling: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.rate, self.in_sampling = rate, in_sampling

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if training:
            current = training_pass_of(self)
            return self._dropped(inputs, current.draw, current.parts)
        return self._dropped(inputs, sampling_draw_of(self), 1) if self.in_sampling else inputs

    def compute_output_spec(self, inputs: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        # Keras would call the layer to find the shape, but there are no random numbers while a network is built.
        return keras.KerasTensor(inputs.shape, self.compute_dtype)

    def _dropped(self, inputs: tf.Tensor, draw: Draw, parts: int) -> tf.Tensor:
        kept_units = draw.uniform_like(inputs, parts) >= self.rate
        return tf.where(kept_units, inputs / (1 - self.rate), tf.zeros_like(inputs))


def keeps_dropout(network: keras.Model) -> bool:
    """Whether a network made of these layers drops in inference mode too."""
    return any(isinstance(layer, Dropout) and layer.in_sampling for layer in network.layers)


def plain_copy(network: keras.Model) -> keras.Model:
    """A copy that is the same function in inference mode, in float32, of Keras' own layers, so that Keras alone loads it.

    Dropout that is kept in sampling is written into the call of its layer as training=True: `generator(latents)` then drops, by
    Keras' own random numbers; `generator.predict` does not.
    """
    copy = keras.models.clone_model(network, clone_function=_plain_layer, call_function=_keeping(network))
    for original, plain in zip(network.layers, copy.layers, strict=True):
        plain.set_weights(_plain_weights(original)[: len(plain.weights)])
    return copy


def sampling_copy(network: keras.Model) -> keras.Model:
    """A copy of a network of Keras' own layers whose dropout drops in `inference_pass`, by that pass's random numbers."""
    copy = keras.models.clone_model(
        network, clone_function=_sampling_layer, call_function=lambda layer, *inputs, **_: layer(*inputs)
    )
    copy.set_weights(network.get_weights())
    return copy


def _keeping(network: keras.Model) -> Callable[..., Any]:
    kept = {layer.name for layer in network.layers if isinstance(layer, Dropout) and layer.in_sampling}

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        return layer(*inputs, **options | ({"training": True} if layer.name in kept else {}))

    return call


def _sampling_layer(layer: keras.Layer) -> keras.Layer:
    if isinstance(layer, keras.layers.Dropout):
        return Dropout(layer.rate, in_sampling=True, name=layer.name)
    return layer.__class__.from_config(layer.get_config())


def _plain_layer(layer: keras.Layer) -> keras.Layer:
    if isinstance(layer, BatchNormalization):
        affine = {"center": layer.affine, "scale": layer.affine}
        return keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon, name=layer.name, **affine)
    if isinstance(layer, Gain):
        return keras.layers.Rescaling(float(layer.gamma), name=layer.name)
    if isinstance(layer, InstanceNormalization):
        groups = -1 if layer.axis == "channel" else 1
        return keras.layers.GroupNormalization(groups, epsilon=layer.epsilon, name=layer.name)
    if isinstance(layer, Dropout):
        return keras.layers.Dropout(layer.rate, name=layer.name)
    if isinstance(layer, SpectralNormalization):
        return _plain_layer(layer.layer)
    kind = keras.layers.Conv2D if isinstance(layer, ThinConv2D) else layer.__class__
    return kind.from_config(layer.get_config() | {"dtype": "float32"})


def _plain_weights(layer: keras.Layer) -> list[Any]:
    return layer.normalised_weights() if isinstance(layer, SpectralNormalization) else layer.get_weights()
