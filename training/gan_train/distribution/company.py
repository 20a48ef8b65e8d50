"""The workers of a run in each other's company: they meet, stay connected while they train, and notice who is lost.

TensorFlow notices the loss of a worker after minutes, if at all, and does not say whose. The connections of the meeting tell
within seconds: an end without a word is that of a process, silence that of a machine or network. Then operations that wait for
the lost worker are aborted; if training does not end by that, the process is ended from here.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Event, Thread, Timer
from typing import Any, TypeVar

from gan_core.errors import InterruptedRunError
from gan_core.interruption import Interruption
from gan_core.notices import print_error
from gan_train.distribution import messages
from gan_train.distribution.channel import GONE
from gan_train.distribution.cluster import Cluster
from gan_train.distribution.peer import Peer
from gan_train.distribution.rendezvous import Facts, Files, Meeting, meet

_SIGNAL_SECONDS = 0.2
"""Seconds between two checks for a signal."""

_GRACE_SECONDS = 10.0
"""Seconds from the loss of a worker to the end of this process, if training does not end by itself."""

_FAREWELL_SECONDS = 2.0
"""Seconds to tell the others that this worker leaves."""

_REASON_CHARACTERS = 2000
"""The longest reason for leaving that is sent."""

Result = TypeVar("Result")


class Company:
    """The connections of this worker while it trains.

    Args:
        cluster: the workers.
        loop: runs in a thread of its own.
        peers: the workers that this one is connected with.
        abort: aborts what waits for other workers; it is given the reason.

    Attributes:
        files: the chief's files, by name.
        settled: whether all workers have agreed to end, so that one that leaves is not lost.
    """

    def __init__(
        self, cluster: Cluster, loop: asyncio.AbstractEventLoop, meeting: Meeting, abort: Callable[[str], None]
    ) -> None:
        self._cluster, self._loop, self._peers, self._abort = cluster, loop, meeting.peers, abort
        self.files, self.settled = meeting.files, False
        self._loss, self._lost, self._noticed, self._left = "", Event(), Event(), Event()
        for peer in self._peers:
            asyncio.run_coroutine_threadsafe(self._listen(peer), loop)

    def loss(self, seconds: float) -> str:
        """Which worker was lost and how, in words; "" if none is within some seconds."""
        self._lost.wait(seconds)
        return self._loss

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """If the block ends by an error, training has noticed the loss, and its end is left to itself."""
        try:
            yield
        except BaseException:
            self._noticed.set()
            raise

    def leave(self, reason: str) -> None:
        """Tell the others that this worker leaves, by an error of its own or for the reason "", and close the connections."""
        self._noticed.set()
        self._left.set()
        with suppress(TimeoutError, *GONE):
            asyncio.run_coroutine_threadsafe(self._say_goodbye(reason), self._loop).result(_FAREWELL_SECONDS)

    async def _say_goodbye(self, reason: str) -> None:
        for peer in self._peers:
            with suppress(*GONE):
                await peer.send(messages.leaving(reason[:_REASON_CHARACTERS]))
            peer.close()

    async def _listen(self, peer: Peer) -> None:
        """Wait for the last message of a peer, or for its loss."""
        try:
            reason = messages.parse_leaving(await peer.receive()).leaving
            how = f"{peer.worker} ended: {reason}" if reason else ""
        except TimeoutError as error:
            how = f"lost {peer.worker}: {error}, so its machine or the network is gone"
        except GONE:
            how = f"lost {peer.worker}: its process ended"
        if how and not self._lost.is_set() and not self._left.is_set() and not self.settled:
            self._note(how)

    def _note(self, how: str) -> None:
        self._loss = how
        self._lost.set()
        # Threads of their own, since TensorFlow may hold up the first one.
        Thread(target=self._abort, args=(how,), daemon=True, name="abort").start()
        timer = Timer(_GRACE_SECONDS, self._end_process)
        timer.daemon = True
        timer.start()

    def _end_process(self) -> None:
        """End this process as the command would, since training hangs in an operation that could not be aborted."""
        if self._noticed.is_set():
            return
        error = InterruptedRunError(f"{self._loss}; start all workers again with the same commands")
        print_error(str(error), error.title)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(error.exit_code)


@contextmanager
def company(
    cluster: Cluster,
    facts: Facts,
    files: Files,
    timeout: float,
    secret: bytes,
    interruption: Interruption,
    abort: Callable[[str], None],
) -> Iterator[Company]:
    """Meet all workers, and stay connected with them in this block.

    Args:
        cluster, facts, files, timeout, secret: as `meet` has them.
        interruption: ends the wait.
        abort: aborts what waits for other workers; it is given the reason.

    Raises:
        UsageError, InterruptedRunError: as `meet` says; or a signal arrived during the meeting.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True, name="company")
    thread.start()
    try:
        together = Company(
            cluster, loop, _until_signal(loop, meet(cluster, facts, files, timeout, secret), interruption), abort
        )
        reason = ""
        try:
            yield together
        except BaseException as error:
            reason = "" if together.settled else str(error) or type(error).__name__
            raise
        finally:
            together.leave(reason)
    finally:
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(_FAREWELL_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_FAREWELL_SECONDS)


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)


def _until_signal(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Result], interruption: Interruption) -> Result:
    running: Future[Result] = asyncio.run_coroutine_threadsafe(work, loop)
    while not interruption.requested:
        with suppress(TimeoutError):
            running.exception(_SIGNAL_SECONDS)
        if running.done():
            return running.result()
    running.cancel()
    raise InterruptedRunError(
        f"stopped by {interruption.name} while waiting for the other workers; run the same command again to continue"
    )
