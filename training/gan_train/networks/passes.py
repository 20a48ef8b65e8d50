"""How a network is run: in training, with its random numbers and a say over its statistics, or in inference.

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
    """What the layers of a network may read while it runs in training mode; see `training_pass`."""

    draw: Draw
    update_statistics: bool
    parts: int


# Replicas are traced in threads of their own.
_current = threading.local()


def training_pass(network: keras.Model, inputs: Any, draw: Draw, update_statistics: bool, parts: int = 1) -> Any:
    """Run a network in training mode.

    Args:
        network: built from the layers of this package.
        inputs: this replica's batch, or a list of batches for a network of several inputs.
        draw: where dropout takes its numbers from.
        update_statistics: whether moving averages and singular vectors follow this batch; False when another player
            is trained through this network (spec C, G7).
        parts: how many batches, each shared among the replicas, are stacked in the inputs.
    """
    _current.value = TrainingPass(draw, update_statistics, parts)
    try:
        return network(inputs, training=True)
    finally:
        _current.value = None


def inference_pass(network: keras.Model, inputs: Any, draw: Draw | None = None) -> Any:
    """Run a network in inference mode: moving averages, and no dropout but what is kept in sampling.

    Args:
        network: any.
        inputs: a batch, or a list of them.
        draw: where dropout that is kept takes its numbers from; a network that keeps none needs none.
    """
    _current.sampling = draw
    try:
        return network(inputs, training=False)
    finally:
        _current.sampling = None


def training_pass_of(layer: keras.Layer) -> TrainingPass:
    """The training pass that calls this layer. Raises RuntimeError when there is none."""
    current: TrainingPass | None = getattr(_current, "value", None)
    if current is None:
        raise RuntimeError(f"layer {layer.name}: call its network by training_pass(), not with training=True")
    return current


def sampling_draw_of(layer: keras.Layer) -> Draw:
    """Random numbers of the inference pass that calls this layer. Raises RuntimeError when it was given none."""
    draw: Draw | None = getattr(_current, "sampling", None)
    if draw is None:
        raise RuntimeError(f"layer {layer.name} drops in sampling too: call its network by inference_pass() with a draw")
    return draw
