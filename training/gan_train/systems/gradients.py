"""Gradients of a phase on one replica: of its whole batch at once, or of parts of the batch one after the other.

Parts need the memory of a part. Each part computes on the weights, statistics and singular vectors from before the phase, and
draws the random numbers that its examples have in the whole batch; the gradients are summed, and losses, metrics and
statistics are averaged. So N parts on one replica give what N replicas give: the update of the whole batch, up to rounding,
but for statistics of batches (batch normalisation), which are those of a part.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeAlias

import keras
import tensorflow as tf

from gan_train.networks.passes import rematerialising
from gan_train.numerics.randomness import Draw
from gan_train.systems.base import Batch, Outcome, Phase, System
from gan_train.systems.means import share_of_mean

Gradients: TypeAlias = list[tf.Tensor | None]
Total: TypeAlias = tuple[list[tf.Tensor], tf.Tensor, dict[str, tf.Tensor], list[tf.Tensor]]
"""Gradients, losses, metrics, and the new values of variables that networks moved: of a part, or sums over parts."""


@dataclass(frozen=True)
class Execution:
    """The way in which a phase is computed. It changes memory and time, and results by rounding at most.

    Attributes:
        parts: parts of a replica's batch that are computed one after the other; `accumulate` in a recipe.
        remat: whether networks run once more for their gradients, rather than keep their activations; `remat` in a recipe.
        jit: whether XLA compiles the forward and backward pass of each phase.
    """

    parts: int = 1
    remat: bool = False
    jit: bool = False


AT_ONCE = Execution()


def differentiate(system: System, phase: Phase, batch: Batch, draw: Draw, execution: Execution) -> tuple[Gradients, Outcome]:
    """The gradients of this replica's share of a phase's scaled loss, one for each variable of its player, and the outcome.

    Of a batch in parts the outcome has the values of one part, each the mean of those at the same place in all parts.

    Raises:
        ValueError: the outcome lacks a metric that the phase names, the loss does not depend on a variable, or a tensor of the
            batch has no number of examples that the parts can share.
    """
    with rematerialising() if execution.remat else nullcontext():
        if execution.parts == 1 and not execution.jit:
            return _gradients(system, phase, batch, draw)
        return _in_parts(system, phase, batch, draw, execution)


def _gradients(system: System, phase: Phase, batch: Batch, draw: Draw) -> tuple[Gradients, Outcome]:
    player = system.players[phase.player]
    values = [variable.value for variable in player.variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for value in values:
            tape.watch(value)
        outcome = phase.loss(batch, draw)
        absent = [name for name in phase.metrics if name not in outcome.metrics]
        if absent:
            raise ValueError(f"phase {phase.name}: its outcome has no metric {absent[0]}, but: {', '.join(outcome.metrics)}")
        scaled = player.optimizer.scaled(share_of_mean(outcome.losses, draw.replicas))
    missing = tf.UnconnectedGradients.ZERO if phase.partial else tf.UnconnectedGradients.NONE
    return tape.gradient(scaled, values, unconnected_gradients=missing), outcome


def _in_parts(system: System, phase: Phase, batch: Batch, draw: Draw, execution: Execution) -> tuple[Gradients, Outcome]:
    player, parts = system.players[phase.player], execution.parts
    stacked = {name: _split(name, values, parts) for name, values in batch.items()}
    moved: list[keras.Variable] = []

    def compute(number: tf.Tensor) -> Total:
        if not execution.jit:
            return compute_with(number, draw.part(number, parts))
        place = tf.init_scope if tf.executing_eagerly() else tf.compat.v1.get_default_graph().as_default
        own = draw.part(number, parts).outside(place)
        return tf.function(lambda: compute_with(number, own), jit_compile=True, autograph=False)()

    def compute_with(number: tf.Tensor, own: Draw) -> Total:
        part = {name: values[number] for name, values in stacked.items()}
        # The scope collects what the networks would assign, so that every part begins with the same statistics.
        with keras.StatelessScope() as scope:
            gradients, outcome = _gradients(system, phase, part, own)
        moved[:] = [variable for variable in _untrained(system) if scope.get_current_value(variable) is not None]
        changed = [tf.convert_to_tensor(scope.get_current_value(variable)) for variable in moved]
        return player.optimizer.dense(gradients, player.variables), outcome.losses, outcome.metrics, changed

    total = compute(tf.constant(0))
    if parts > 1:
        _, total = tf.while_loop(
            lambda number, _: number < parts,
            lambda number, total: (number + 1, tf.nest.map_structure(_plus, total, compute(number))),
            (tf.constant(1), total),
            parallel_iterations=1,
        )
    gradients, *rest = total
    losses, metrics, changed = tf.nest.map_structure(lambda values: _divided(values, parts), rest)
    for variable, value in zip(moved, changed, strict=True):
        variable.assign(value)
    return gradients, Outcome(losses, metrics)


def _untrained(system: System) -> Iterable[keras.Variable]:
    """The variables that a phase's loss may move itself, each once: those of networks that do not train, and the state."""
    networks = (player.network for player in system.players.values())
    variables = [variable for network in networks for variable in network.non_trainable_variables]
    return {id(variable): variable for variable in (*variables, *system.state)}.values()


def _split(name: str, values: tf.Tensor, parts: int) -> tf.Tensor:
    """A tensor of a batch with an axis of parts before its examples: (n, ...) to (parts, n / parts, ...)."""
    if values.shape.rank == 0 or values.shape[0] is None or values.shape[0] % parts:
        raise ValueError(
            f"accumulate={parts}: {name!r} of the batch has the shape {values.shape}, which {parts} parts cannot share; take "
            "another number, or let the turn's `prepare` give one value for each example"
        )
    return tf.reshape(values, (parts, values.shape[0] // parts, *values.shape[1:]))


def _plus(total: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """The sum; of whole numbers, such as counts, which all parts compute alike, the value itself.

    The value is copied so that it is no sum to TensorFlow. Grappler would make one sum of `total` and the terms of a value that
    is a sum, and, where a step needs more than 200 MB on a CPU or most of a GPU, keep that in a temporary variable, which it
    also creates in the turn that ends the loop, and then never destroys: the next call fails with AlreadyExistsError
    (TensorFlow's issue 23780).
    """
    return total + tf.raw_ops.Snapshot(input=value) if value.dtype.is_floating else value


def _divided(total: tf.Tensor, parts: int) -> tf.Tensor:
    return total / parts if total.dtype.is_floating else total
