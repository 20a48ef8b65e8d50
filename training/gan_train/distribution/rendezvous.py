"""Before the first collective: all workers meet, agree on what they train, and take over the chief's newest checkpoint.

The start of TensorFlow itself waits for ever for a worker that does not come, does not name it, and cannot be interrupted. So
the chief first listens at its address of TF_CONFIG itself, and TensorFlow takes the port over afterwards.

    worker to chief   its position and its facts
    chief to worker   "welcome"
    chief to worker   a refusal, or the files

messages.py has their form.

The chief answers all workers at once: when the last one has come, or when the time is over.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from gan_core.errors import InterruptedRunError, UsageError
from gan_core.interruption import Interruption
from gan_train.distribution import messages
from gan_train.distribution.cluster import Cluster

Facts = Mapping[str, Any]
Files = Mapping[str, bytes]
Result = TypeVar("Result")

_WELCOME = b'"welcome"\n'
_RETRY_SECONDS = 0.2
"""Seconds between two attempts to reach the chief."""

_SIGNAL_SECONDS = 0.2
"""Seconds between two checks for a signal."""

_ANSWER_SECONDS = 60.0
"""Seconds to send the answer, with the files of a checkpoint."""


def meet(cluster: Cluster, facts: Facts, files: Files, timeout: float, interruption: Interruption) -> Files:
    """Wait until all workers have connected and agree.

    Args:
        cluster: the workers.
        facts: JSON values by name, which must be the same for all workers.
        files: content by name; all workers get those of the chief, and those of the others are not used.
        timeout: seconds that the chief waits for the others, and the others for the chief.
        interruption: ends the wait.

    Returns:
        The chief's files.

    Raises:
        UsageError: a worker differs in a fact; or the chief cannot listen at its address; or a worker has the task of another.
        InterruptedRunError: workers did not come, which the message names; or a signal arrived.
    """
    work = _host(cluster, facts, files, timeout) if cluster.is_chief else _visit(cluster, facts, timeout)
    return asyncio.run(_until_signal(work, interruption))


async def _until_signal(work: Coroutine[Any, Any, Result], interruption: Interruption) -> Result:
    task = asyncio.ensure_future(work)
    while not interruption.requested:
        if (await asyncio.wait({task}, timeout=_SIGNAL_SECONDS))[0]:
            return task.result()
    task.cancel()
    await asyncio.wait({task})
    raise InterruptedRunError(
        f"stopped by {interruption.name} while waiting for the other workers; run the same command again to continue"
    )


@dataclass(frozen=True)
class _Guest:
    """A worker that has connected and waits for the answer of the chief."""

    facts: Facts
    task: asyncio.Task[None]


class _Reception:
    """The chief's list of the workers that have connected."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.guests: dict[int, _Guest] = {}
        self.complete = asyncio.Event()
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    @property
    def missing(self) -> list[str]:
        """Names of the workers that have not connected."""
        others = list(enumerate(self._cluster.workers))[1:]
        return [str(worker) for position, worker in others if position not in self.guests]

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a worker until the answer is known. A worker that disconnects before may connect again."""
        # A client that does not follow this protocol, such as a port scanner, or that goes away, is no worker.
        with closing(writer), suppress(ValueError, OSError):
            hello = messages.parse_hello(await reader.readline())
            position, facts = hello.worker, hello.facts
            if position in self.guests:
                writer.write(_WELCOME + messages.refusal(UsageError(_same_task(position))))
                await writer.drain()
                return
            task = asyncio.current_task()
            assert task is not None
            self.guests[position] = _Guest(facts, task)
            if not self.missing:
                self.complete.set()
            writer.write(_WELCOME)
            gone = asyncio.ensure_future(reader.read(1))
            await asyncio.wait({self.answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if self.answer.done():
                writer.write(self.answer.result())
                await writer.drain()
            else:
                del self.guests[position]
                self.complete.clear()


async def _host(cluster: Cluster, facts: Facts, files: Files, timeout: float) -> Files:
    reception = _Reception(cluster)
    try:
        server = await asyncio.start_server(reception.welcome, port=cluster.chief.port)
    except OSError as error:
        raise UsageError(
            f"{cluster.chief}: cannot listen at port {cluster.chief.port} ({error.strerror}); stop what uses it, or name "
            "another port in the TF_CONFIG of all workers"
        ) from error
    async with server:
        with suppress(TimeoutError):
            await asyncio.wait_for(reception.complete.wait(), timeout)
        fault = _difference(cluster, facts, reception) or _absence(reception, timeout)
        reception.answer.set_result(messages.refusal(fault) if fault else messages.answer(files))
        sending = [guest.task for guest in reception.guests.values()]
        if sending:
            await asyncio.wait(sending, timeout=_ANSWER_SECONDS)
    if fault:
        raise fault
    return files


async def _visit(cluster: Cluster, facts: Facts, timeout: float) -> Files:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout) as limit:
            while True:
                # The chief's machine, name or port is not up yet; or it went away and comes again; or the port still belongs
                # to the TensorFlow of the run before, which has another protocol.
                with suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                    reader, writer = await asyncio.open_connection(cluster.chief.host, cluster.chief.port)
                    with closing(writer):
                        writer.write(messages.hello(cluster.position, facts))
                        await _expect(reader, _WELCOME)
                        # The chief began to wait before this worker reached it, so its answer may take as long again.
                        limit.reschedule(loop.time() + timeout + _ANSWER_SECONDS)
                        answer = messages.parse_answer(await reader.readuntil())
                        if isinstance(answer, messages.Refusal):
                            raise answer.error
                        return {name: await reader.readexactly(size) for name, size in answer.files.items()}
                await asyncio.sleep(_RETRY_SECONDS)
    except TimeoutError:
        raise InterruptedRunError(
            f"{cluster.chief}, the chief, did not answer {cluster.own} within {timeout:g} seconds; "
            "look at its messages, then start all workers again with the same commands"
        ) from None


async def _expect(reader: asyncio.StreamReader, line: bytes) -> None:
    if await reader.readline() != line:
        raise ValueError("not a chief")


def _difference(cluster: Cluster, facts: Facts, reception: _Reception) -> UsageError | None:
    for position, guest in sorted(reception.guests.items()):
        for name in {**facts, **guest.facts}:
            mine, theirs = facts.get(name), guest.facts.get(name)
            if mine != theirs:
                who = cluster.workers[position] if position < len(cluster.workers) else f"worker {position}"
                return UsageError(
                    f"{who} differs from {cluster.chief}, the chief, in {name}: {theirs} there, {mine} here; "
                    "start all workers with the same command, data and packages"
                )
    return None


def _absence(reception: _Reception, timeout: float) -> InterruptedRunError | None:
    if not reception.missing:
        return None
    return InterruptedRunError(
        f"no answer within {timeout:g} seconds from {', '.join(reception.missing)}; "
        "start all workers again with the same commands, or give them longer by --cluster-timeout"
    )


def _same_task(position: int) -> str:
    return f"another process is already number {position} of the cluster; give every worker a task of its own in TF_CONFIG"
