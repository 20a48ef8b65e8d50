"""Workers that train together stop together: on a signal to any of them, at the last step, and when one is lost."""

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
from gan_train.distribution.company import Company
from gan_train.runs.layout import committed_steps, step_name

_TASK = re.compile(r"/job:(\w+)(?:/replica:\d+)?/task:(\d+)")

_PROBE_SECONDS = 2.0
"""Time for a connection to a worker that may be gone."""

_NAMING_SECONDS = 3.0
"""Time to hear who was lost after TensorFlow has noticed that somebody was."""

_TICKS = 10_000
"""Parts of a second in which workers exchange times, as whole numbers that float32 holds exactly."""

_NO_SIGNAL = 1000
"""The number for every reason to stop other than a signal; larger than the numbers of all signals."""

_DONE = 1001
"""Number that stands for a run that has done what it was to do."""

_REASONS = {_NO_SIGNAL: "a request to stop", _DONE: "--stop-when"}

_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError, tf.errors.CancelledError)
"""Errors of a collective operation when the process, machine or network of another worker is gone."""


class SharedInterruption(Interruption):
    """A request to stop that reaches all workers when one of them has it. All workers must check at the same steps.

    Args:
        own: the request to stop of this process.
        cluster: the workers.
        strategy: connects them.

    Attributes:
        step: the last step that all workers had done when they checked; None before the first check.
    """

    def __init__(self, own: Interruption, cluster: Cluster, strategy: tf.distribute.Strategy) -> None:
        self._own, self._cluster = own, cluster
        self.step: int | None = None

        @tf.function
        def exchange(row: tf.Tensor) -> tf.Tensor:
            return strategy.reduce(tf.distribute.ReduceOp.SUM, row, axis=None)

        self._exchange = exchange

    def ask(self, reason: str, done: bool = False) -> None:
        self._own.ask(reason, done)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        with self._own.at_once():
            yield

    def check(self, step: int) -> bool:
        numbers = self.everyone(_number(self._own))
        self.step = step
        heard = [(number, worker) for number, worker in zip(numbers, self._cluster.workers, strict=True) if number]
        if heard:
            number, worker = heard[0]
            self.done = number == _DONE
            self.name = f"{_REASONS.get(number) or signal.Signals(number).name} at {worker}"
            if self.done and self._own.done:
                self.name = self._own.name
        return bool(heard)

    def slowest(self, seconds: float) -> float:
        return max(self.everyone(round(seconds * _TICKS))) / _TICKS

    def everyone(self, number: int) -> list[int]:
        """The number that each worker gives, in the order of the cluster. Returns when all workers have given theirs."""
        row = [0.0] * len(self._cluster.workers)
        row[self._cluster.position] = float(number)
        return [int(value) for value in self._exchange(tf.constant(row)).numpy()]


def _number(interruption: Interruption) -> int:
    """A request to stop as the workers exchange it: 0 for none, else the number of its signal."""
    if not interruption.requested:
        return 0
    if interruption.done:
        return _DONE
    name = interruption.name
    return signal.Signals[name].value if name in signal.Signals.__members__ else _NO_SIGNAL


@contextmanager
def in_lockstep(
    cluster: Cluster | None,
    together: Company | None,
    strategy: tf.distribute.Strategy,
    own: Interruption,
    run: Folder,
    timeout: float,
) -> Iterator[Interruption]:
    """Train in this block with all workers or not at all. Without a cluster the block runs as it is.

    Args:
        cluster: the workers, all of which enter such a block; or None.
        together: this worker's connections with them; None without a cluster.
        strategy: connects them.
        own: the request to stop of this process.
        run: this process's run folder.
        timeout: seconds for the first all-reduce.

    Yields:
        The request to stop of all workers together.

    Raises:
        InterruptedRunError: a worker was lost, which the message names; or the first all-reduce did not end in time.
    """
    if cluster is None or together is None:
        yield own
        return
    shared = SharedInterruption(own, cluster, strategy)
    try:
        self_test(shared, cluster, timeout)
        try:
            with together.noticing():
                yield shared
        except (InterruptedRunError, FailedRunError):
            # What ends one worker alone, such as a signal before training, the others notice by its loss.
            if shared.requested:
                shared.everyone(0)
                together.settled = True
            raise
        # No worker leaves before the chief has written everything, since TensorFlow would take it for lost.
        shared.everyone(0)
        together.settled = True
    except _LOST as error:
        raise _lost(error, together.loss(_NAMING_SECONDS), cluster, shared.step, run) from error


def self_test(shared: SharedInterruption, cluster: Cluster, timeout: float) -> None:
    """Try one all-reduce before work is spent on a cluster that cannot do it.

    Raises:
        InterruptedRunError: it did not end within `timeout` seconds; the message names the workers that do not answer.
    """
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
            f"no connection to {', '.join(silent)}" if silent else "every worker takes connections, so look for one that hangs"
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


def _lost(error: tf.errors.OpError, how: str, cluster: Cluster, step: int | None, run: Folder) -> InterruptedRunError:
    """The error that says who was lost: as the connections noticed it, or by the names in TensorFlow's error."""
    named = {(job, int(index)) for job, index in _TASK.findall(str(error))}
    others = [worker for worker in cluster.workers if worker != cluster.own and (worker.job, worker.index) in named]
    lost = how or f"lost {', '.join(map(str, others)) or 'a worker'}"
    after = f"after step {step}" if step is not None else "before the first step was done"
    saved = committed_steps(run) if cluster.is_chief else []
    newest = f"the newest checkpoint, {step_name(saved[-1])}" if saved else "the chief's newest checkpoint, if it has one"
    return InterruptedRunError(
        f"{lost} ({after}); see what it said, then start all workers again with the same commands: they continue from {newest}"
    )
