"""Calls of a network: in training, with random numbers and control over its statistics, or in inference.

scores = training_pass(discriminator, images, draw, update_statistics=True)
fakes = inference_pass(generator, latents)
"""

import threading
from dataclasses import dataclass
from typing import Any

import keras

from gan_train.numerics.randomness import Draw


@dataclass(frozen=True)
class TrainingPass:
    """The settings that the layers of a network read while it runs in training mode; see `training_pass`."""

    draw: Draw
    update_statistics: bool
    parts: int


# Replicas are traced in threads of their own.
_current = threading.local()


def training_pass(network: keras.Model, inputs: Any, draw: Draw, update_statistics: bool, parts: int = 1) -> Any:
    """Run a network in training mode.

    Args:
        network: a network of the layers of this package.
        inputs: this replica's batch, or a list of batches for a network of several inputs.
        draw: source of dropout's random numbers.
        update_statistics: whether moving averages and singular vectors follow this batch; False where another player is
            trained through this network.
        parts: number of batches, each shared among the replicas, that are stacked in the inputs.

    Returns:
        The output of the network, or a list of outputs.
    """
    _current.value = TrainingPass(draw, update_statistics, parts)
    try:
        return network(inputs, training=True)
    finally:
        _current.value = None


def inference_pass(network: keras.Model, inputs: Any, draw: Draw | None = None) -> Any:
    """Run a network in inference mode: with moving averages, and no dropout but that which is kept in sampling.

    Args:
        network: any Keras network.
        inputs: a batch, or a list of batches.
        draw: source of the random numbers of dropout that is kept; a network without it needs none.

    Returns:
        The output of the network, or a list of outputs.
    """
    _current.sampling = draw
    try:
        return network(inputs, training=False)
    finally:
        _current.sampling = None


def training_pass_of(layer: keras.Layer) -> TrainingPass:
    """The training pass that calls this layer. Raises RuntimeError if there is none."""
    current: TrainingPass | None = getattr(_current, "value", None)
    if current is None:
        raise RuntimeError(f"layer {layer.name}: call its network by training_pass(), not with training=True")
    return current


def sampling_draw_of(layer: keras.Layer) -> Draw:
    """The random numbers of the inference pass that calls this layer. Raises RuntimeError if it was given none."""
    draw: Draw | None = getattr(_current, "sampling", None)
    if draw is None:
        raise RuntimeError(f"layer {layer.name} drops in sampling too: call its network by inference_pass() with a draw")
    return draw
