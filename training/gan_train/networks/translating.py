"""Copies of saved networks, of Keras' own layers, that translate images one by one or in batches.

network = keras.models.load_model("generator.keras")
translator = translating_copy(network, "training", sides=(512, 512))
translations = inference_pass(translator, images, draw)
plain_translator(network).save("translator.keras")     # the same without this package
"""

import math
from collections.abc import Callable
from typing import Any

import keras

from gan_train.networks.layers import Dropout
from gan_train.recipe.translation import Inference

Sides = tuple[int | None, int | None]


def translating_copy(network: keras.Model, inference: Inference, sides: Sides | None = None) -> keras.Model:
    """A copy of a translator for `inference_pass(copy, images, draw)`.

    "training" works as Isola et al. 2017 do: batch normalisation by the statistics of the image, never by the moving averages,
    and dropout that drops. The statistics are those of each image alone, as in training with batches of one, so that a
    translation does not depend on the other images of its batch. "averages" uses the moving averages and drops nothing. A
    network without batch normalisation and dropout is the same function either way.

    Args:
        network: a network of Keras' own layers from images to images, as `plain_copy` gives it.
        inference: see above.
        sides: (height, width) of the images that the copy takes, each None for any; by default those of the network.

    Raises:
        ValueError: the sides are not multiples of `side_multiple(network)`.
    """
    kinds = _TRAINING if inference == "training" else {}
    return _copy(network, kinds, lambda layer, *inputs, **_: layer(*inputs), sides)


def plain_translator(network: keras.Model) -> keras.Model:
    """A copy of a translator in training mode, of Keras' own layers, so that Keras alone loads it.

    It normalises each image by its own statistics, whether called or by `predict`. Dropout is written into the call of its
    layers as training=True: `translator(images)` drops, by Keras' own random numbers; `translator.predict` does not.

    Args:
        network: a network of Keras' own layers from images to images, as `plain_copy` gives it.
    """

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        return layer(*inputs, **options | ({"training": True} if isinstance(layer, keras.layers.Dropout) else {}))

    return _copy(network, {keras.layers.BatchNormalization: _per_image}, call, None)


def side_multiple(network: keras.Model) -> int:
    """The number that both sides of a network's images must be multiples of: the product of its convolutions' strides."""
    return math.prod(layer.strides[0] for layer in network.layers if isinstance(layer, keras.layers.Conv2D))


def _per_image(layer: keras.layers.BatchNormalization) -> keras.Layer:
    return keras.layers.GroupNormalization(groups=-1, epsilon=layer.epsilon, name=layer.name)


def _always_dropping(layer: keras.layers.Dropout) -> keras.Layer:
    return Dropout(layer.rate, in_sampling=True, name=layer.name)


Replacements = dict[type[keras.Layer], Callable[[Any], keras.Layer]]
_TRAINING: Replacements = {keras.layers.BatchNormalization: _per_image, keras.layers.Dropout: _always_dropping}


def _copy(network: keras.Model, kinds: Replacements, call: Callable[..., Any], sides: Sides | None) -> keras.Model:
    def replaced(layer: keras.Layer) -> keras.Layer:
        replacement = kinds.get(type(layer))
        return replacement(layer) if replacement else layer.__class__.from_config(layer.get_config())

    inputs = None
    if sides is not None:
        _check_sides(network, sides)
        inputs = keras.Input((*sides, network.input.shape[-1]), name=network.input.name)
    copy = keras.models.clone_model(network, input_tensors=inputs, clone_function=replaced, call_function=call)
    for original, layer in zip(network.layers, copy.layers, strict=True):
        # Batch normalisation has its moving averages last; normalisation by the image has none.
        layer.set_weights(original.get_weights()[: len(layer.weights)])
    return copy


def _check_sides(network: keras.Model, sides: Sides) -> None:
    multiple = side_multiple(network)
    if any(side is not None and side % multiple for side in sides):
        raise ValueError(f"sides {sides[0]}x{sides[1]} do not fit this network; give multiples of {multiple}")
