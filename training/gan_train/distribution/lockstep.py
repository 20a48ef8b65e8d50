"""Workers that train together, end together: on a signal to any of them, at the end, and when one is lost."""

import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread

import tensorflow as tf

from gan_core.errors import FailedRunError, InterruptedRunError
from gan_core.interruption import Interruption
from gan_core.storage import Folder
from gan_train.distribution.cluster import Cluster, Worker
from gan_train.runs.layout import committed_steps, step_name

_TASK = re.compile(r"/job:(\w+)(?:/replica:\d+)?/task:(\d+)")

_PROBE_SECONDS = 2.0

_NO_SIGNAL = 1000
"""Stands for any other reason to stop."""

_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)
"""What a collective ends with when another worker's process, machine or network is gone."""


class SharedInterruption(Interruption):
    """A wish to stop that all workers have when one has it. Every worker must ask at the same steps.

    Args:
        own: this process's wish.
        cluster: who asks.
        strategy: connects them.

    Attributes:
        step: the last one all workers had done.
    """

    def __init__(self, own: Interruption, cluster: Cluster, strategy: tf.distribute.Strategy) -> None:
        self._own, self._cluster = own, cluster
        self.step: int | None = None

        @tf.function
        def exchange(row: tf.Tensor) -> tf.Tensor:
            return strategy.reduce(tf.distribute.ReduceOp.SUM, row, axis=None)

        self._exchange = exchange

    def ask(self, reason: str) -> None:
        self._own.ask(reason)

    def check(self, step: int) -> bool:
        numbers = self.everyone(_number(self._own))
        self.step = step
        heard = [(number, worker) for number, worker in zip(numbers, self._cluster.workers, strict=True) if number]
        if heard:
            number, worker = heard[0]
            reason = "a wish" if number == _NO_SIGNAL else signal.Signals(number).name
            self.name = f"{reason} at {worker}"
        return bool(heard)

    def everyone(self, number: int) -> list[int]:
        """The number each worker gave, in the order of the cluster; returns when all have given theirs."""
        row = [0.0] * len(self._cluster.workers)
        row[self._cluster.position] = float(number)
        return [int(value) for value in self._exchange(tf.constant(row)).numpy()]


def _number(wish: Interruption) -> int:
    """A wish as the workers tell it to each other: 0 for none, else its signal."""
    if not wish.requested:
        return 0
    return signal.Signals[wish.name].value if wish.name in signal.Signals.__members__ else _NO_SIGNAL


@contextmanager
def in_lockstep(
    cluster: Cluster | None, strategy: tf.distribute.Strategy, own: Interruption, run: Folder, timeout: float
) -> Iterator[Interruption]:
    """Train in this block with all workers or not at all; without a cluster it changes nothing.

    Args:
        cluster: the workers; all are in such a block.
        strategy: connects them.
        own: this process's wish to stop.
        run: this process's run folder.
        timeout: seconds for the first all-reduce.

    Yields:
        The wish to stop of all together.

    Raises:
        InterruptedRunError: a worker was lost, and the message names it; or the first all-reduce did not end in time.
    """
    if cluster is None:
        yield own
        return
    shared = SharedInterruption(own, cluster, strategy)
    try:
        self_test(shared, cluster, timeout)
        try:
            yield shared
        except (InterruptedRunError, FailedRunError):
            # Of one worker alone, such as a signal before training, the others learn by its loss.
            if shared.requested:
                shared.everyone(0)
            raise
        # Nobody leaves before the chief has written all: TensorFlow would take it for lost.
        shared.everyone(0)
    except _LOST as error:
        raise _lost(error, cluster, shared.step, run) from error


def self_test(shared: SharedInterruption, cluster: Cluster, timeout: float) -> None:
    """One all-reduce, before work is spent on a cluster that cannot do it."""
    ended: Future[list[int]] = Future()

    def attempt() -> None:
        try:
            ended.set_result(shared.everyone(1))
        except BaseException as error:
            ended.set_exception(error)

    # A daemon, since an all-reduce that hangs must not hold up the end of this process.
    Thread(target=attempt, daemon=True, name="self-test").start()
    try:
        ended.result(timeout)
    except TimeoutError:
        silent = [str(worker) for worker in cluster.workers if worker != cluster.own and not _listens(worker)]
        who = (
            f"no connection to {', '.join(silent)}"
            if silent
            else "every worker takes connections, so look for one that stands still"
        )
        raise InterruptedRunError(
            f"the first all-reduce did not end within {timeout:g} seconds: {who}; "
            "let all workers reach each other's ports, then start all again with the same commands"
        ) from None


def _listens(worker: Worker) -> bool:
    try:
        socket.create_connection((worker.host, worker.port), _PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def _lost(error: tf.errors.OpError, cluster: Cluster, step: int | None, run: Folder) -> InterruptedRunError:
    named = {(job, int(index)) for job, index in _TASK.findall(str(error))}
    others = [worker for worker in cluster.workers if worker != cluster.own and (worker.job, worker.index) in named]
    lost = ", ".join(map(str, others)) or "a worker"
    after = f"after step {step}" if step is not None else "before the first step was done"
    saved = committed_steps(run) if cluster.is_chief else []
    newest = f"the newest checkpoint, {step_name(saved[-1])}" if saved else "the chief's newest checkpoint, if it has one"
    return InterruptedRunError(
        f"lost {lost} {after}; see what it said, then start all workers again with the same commands: "
        f"they continue from {newest}"
    )
