"""One training step, and many of them in one call of the device.

Every replica runs the phases of a system in order. A phase's gradients are those of exactly its player's variables;
its loss is summed on the replica and divided by the global count, and the optimizer adds the replicas' gradients.
"""

from collections.abc import Callable

import tensorflow as tf

from gan_train.randomness import Draw
from gan_train.systems.base import Batch, Phase, System

StepFunction = Callable[[tf.distribute.DistributedValues, tf.Tensor, tf.Tensor], tf.Tensor]


def metric_names(system: System) -> list[str]:
    """Names of the values a step reports, in the order of `build_steps`' columns."""
    return [f"{phase.name}.{metric}" for phase in system.phases for metric in ("loss", *phase.metrics)]


def build_steps(system: System, strategy: tf.distribute.Strategy, seed: int) -> StepFunction:
    """A function of (chunk, first step, number of steps) that trains and returns float32 (steps, metrics).

    The chunk holds, for every replica, tensors with a leading axis of steps. One trace serves every chunk length.
    """

    def replica_step(chunk: Batch, place: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        batch = {name: values[place] for name, values in chunk.items()}
        values: list[tf.Tensor] = []
        for index, phase in enumerate(system.phases):
            draw = Draw(seed, step, index, context.replica_id_in_sync_group, context.num_replicas_in_sync)
            values += run_phase(system, phase, batch, draw)
        return tf.stack(values)

    @tf.function(reduce_retracing=True)
    def run_steps(chunk: tf.distribute.DistributedValues, first: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
        rows = tf.TensorArray(tf.float32, size=steps, element_shape=(len(metric_names(system)),))
        for place in tf.range(steps):
            shares = strategy.run(replica_step, args=(chunk, place, first + tf.cast(place, tf.int64)))
            rows = rows.write(place, strategy.reduce(tf.distribute.ReduceOp.SUM, shares, axis=None))
        return rows.stack()

    return run_steps


def run_phase(system: System, phase: Phase, batch: Batch, draw: Draw) -> list[tf.Tensor]:
    """Run one phase on one replica: update its player, return this replica's share of its loss and metrics."""
    player = system.players[phase.player]
    variables = player.variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for variable in variables:
            tape.watch(variable.value)
        outcome = phase.loss(batch, draw)
        loss = _share_of_mean(outcome.losses, draw.replicas)
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    player.optimizer.apply(gradients, variables)
    return [loss, *(_share_of_mean(outcome.metrics[name], draw.replicas) for name in phase.metrics)]


def _share_of_mean(values: tf.Tensor, replicas: int) -> tf.Tensor:
    """What this replica adds to the mean over the global batch, in float32."""
    count = tf.cast(tf.size(values) * replicas, tf.float32)
    return tf.reduce_sum(tf.cast(values, tf.float32)) / count
