"""Calls of a network: in training, with random numbers and control over its statistics, or in inference.

scores = training_pass(discriminator, images, draw, update_statistics=True)
fakes = inference_pass(generator, latents)
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

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
    settings = TrainingPass(draw, update_statistics, parts)
    return _rematerialised(network, inputs, settings) if getattr(_current, "remat", False) else _run(network, inputs, settings)


@contextmanager
def rematerialising() -> Iterator[None]:
    """Training passes in this block keep no activations: each network is run once more for its gradient (Chen et al. 2016)."""
    _current.remat = True
    try:
        yield
    finally:
        _current.remat = False


def _run(network: keras.Model, inputs: Any, settings: TrainingPass) -> Any:
    _current.value = settings
    try:
        return network(inputs, training=True)
    finally:
        _current.value = None


def _rematerialised(network: keras.Model, inputs: Any, settings: TrainingPass) -> Any:
    variables, first, used = network.variables, copy(settings.draw), []

    def run(inputs: Any, values: list[tf.Tensor]) -> tuple[Any, list[tf.Tensor]]:
        # A function of tensors alone, so that the second run computes what the first did, whatever has moved since.
        used.append(copy(first))
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)) as scope:
            outputs = _run(network, inputs, TrainingPass(used[-1], settings.update_statistics, settings.parts))
        return outputs, [tf.stop_gradient(scope.get_current_value(variable)) for variable in network.non_trainable_variables]

    outputs, after = tf.recompute_grad(run)(inputs, [tf.convert_to_tensor(variable) for variable in variables])
    settings.draw.go_on_after(used[0])
    if settings.update_statistics:
        for variable, value in zip(network.non_trainable_variables, after, strict=True):
            variable.assign(value)
    return outputs


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
