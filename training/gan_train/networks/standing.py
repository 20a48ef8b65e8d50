"""Standing statistics (Brock et al. 2019, appendix B): batch normalisation by means over many batches, after training."""

from collections.abc import Iterable
from typing import Any

import keras

from gan_train.networks.layers import plain_copy


def standing_copy(network: keras.Model, batches: Iterable[Any]) -> keras.Model:
    """A plain copy of a network whose batch normalisation has the mean of the batches' means and of their variances.

    The weights stay as they are. A moving average of weights is another network than the one in training, whose statistics do
    not fit it; and unlike moving averages, these do not depend on the last batches of training.

    Args:
        network: a network of the layers of this package.
        batches: inputs of the network, all of one size, at least one.
    """
    copy = plain_copy(network)
    layers = [layer for layer in copy.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    for number, inputs in enumerate(batches):
        for layer in layers:
            # Keras' moving average with this momentum is the mean of all batches so far.
            layer.momentum = number / (number + 1)
        copy(inputs, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return copy
