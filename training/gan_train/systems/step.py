"""Training steps of a system, many of them in one call of the device.

Every replica takes the turns of the system in order. A phase's gradients are those of exactly its player's variables; its loss
is summed on the replica and divided by the global count, and the optimizer adds the gradients of all replicas.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import tensorflow as tf

from gan_train.numerics.randomness import Draw, random_key
from gan_train.numerics.replicas import global_norm
from gan_train.systems.base import Batch, Phase, System
from gan_train.systems.gradients import AT_ONCE, Execution, differentiate
from gan_train.systems.means import share_of_mean

StepFunction = Callable[[tf.distribute.DistributedValues, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def phase_metrics(phase: Phase) -> list[str]:
    """Names of the metrics that a phase reports."""
    return [f"{phase.name}.{metric}" for metric in ("loss", *phase.metrics, "gradient_norm")]


def metric_names(system: System) -> list[str]:
    """Names of the values a step reports, in the order of `build_steps`' columns."""
    names = [name for phase in system.phases for name in phase_metrics(phase)]
    return names + [f"{player}.{fact}" for player in system.players for fact in ("weight_norm", "learning_rate")]


def rests(phase: Phase, step: int) -> bool:
    """Whether a phase does not run in a step; steps count from 0."""
    return step % phase.every != 0


def build_steps(
    system: System,
    strategy: tf.distribute.Strategy,
    seed: int,
    restored: Sequence[int] = (),
    chunk_spec: Any = None,
    execution: Execution = AT_ONCE,
) -> StepFunction:
    """A function of (chunk, place, first step, number of steps) that trains and returns the metrics, float32 (steps, metrics).

    The chunk holds, for every replica, tensors with leading axes of steps and batches; the place is that of the first step in
    it. The metrics of a phase that runs several times in a step are means; those of a phase that does not run are 0.

    Args:
        system: the system to train.
        strategy: the strategy in whose scope the system was built.
        seed: the run's seed.
        restored: the steps that rollbacks returned to.
        chunk_spec: tensor specifications of chunks of any length, so that one trace serves all; None traces each length anew.
        execution: how phases are computed.

    Raises:
        ValueError: phases run at two different intervals besides every step.
    """
    rhythms = {phase.every for phase in system.phases} - {1}
    if len(rhythms) > 1:
        raise ValueError(f"phases that run every {sorted(rhythms)} steps: one interval besides 1 is possible")

    # This Python runs only while TensorFlow traces it. Converting it by AutoGraph took two thirds of the time before step 1.
    @tf.autograph.experimental.do_not_convert
    def replica_step(chunk: Batch, place: tf.Tensor, step: tf.Tensor, resting: bool) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        key = random_key(seed, restored, step)
        draws = (Draw(key, step, number, context.replica_id_in_sync_group, replicas) for number in count())
        batches = ({name: values[place, number] for name, values in chunk.items()} for number in count())
        batch: Batch = {}
        values: list[tf.Tensor] = []
        for turn in system.turns:
            rounds = []
            for _ in range(turn.times):
                batch = next(batches) if turn.reads else batch
                if turn.prepare:
                    batch = turn.prepare(batch, next(draws))
                rounds.append([value for phase in turn.phases for value in take(phase, batch, next(draws), step, resting)])
            values += [tf.add_n(same) / turn.times for same in zip(*rounds, strict=True)]
        if system.average is not None:
            system.average.follow(step)
        for player in system.players.values():
            values += [global_norm(player.variables) / replicas, player.learning_rate(step) / replicas]
        return tf.stack(values)

    def take(phase: Phase, batch: Batch, draw: Draw, step: tf.Tensor, resting: bool) -> list[tf.Tensor]:
        if resting and phase.every > 1:
            return [tf.constant(0.0)] * len(phase_metrics(phase))
        return run_phase(system, phase, batch, draw, step, execution)

    numbers = (tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.int64), tf.TensorSpec((), tf.int32))

    @tf.function(input_signature=(chunk_spec, *numbers) if chunk_spec else None, reduce_retracing=True)
    def run_steps(chunk: tf.distribute.DistributedValues, start: tf.Tensor, first: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
        rows = tf.TensorArray(tf.float32, size=steps, element_shape=(len(metric_names(system)),))
        for place in tf.range(steps):
            step = first + tf.cast(place, tf.int64)

            def whole_step(resting: bool, place: tf.Tensor = place, step: tf.Tensor = step) -> tf.Tensor:
                shares = strategy.run(replica_step, args=(chunk, start + place, step, resting))
                return strategy.reduce(tf.distribute.ReduceOp.SUM, shares, axis=None)

            if rhythms:
                row = tf.cond(step % min(rhythms) == 0, lambda: whole_step(False), lambda: whole_step(True))
            else:
                row = whole_step(False)
            rows = rows.write(place, row)
        return rows.stack()

    return run_steps


def run_phase(
    system: System, phase: Phase, batch: Batch, draw: Draw, step: tf.Tensor, execution: Execution = AT_ONCE
) -> list[tf.Tensor]:
    """Run one phase on one replica: update its player and return this replica's shares of the means of its metrics.

    Raises:
        ValueError: as `differentiate` says.
    """
    player = system.players[phase.player]
    gradients, outcome = differentiate(system, phase, batch, draw, execution)
    norm = player.optimizer.apply(gradients, player.variables, player.learning_rate(step))
    if phase.after is not None:
        phase.after(outcome)
    values = (outcome.losses, *(outcome.metrics[name] for name in phase.metrics))
    return [*(share_of_mean(one, draw.replicas) for one in values), norm / draw.replicas]
