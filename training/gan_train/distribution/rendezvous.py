"""Before the first collective: all workers meet, agree on what they train, and take over the chief's newest checkpoint.

The start of TensorFlow itself waits for ever for a worker that does not come, does not name it, and cannot be interrupted. So
the chief first listens at its address of TF_CONFIG itself, and TensorFlow takes the port over afterwards.

    both              proofs that they have the same secret
    worker to chief   its position and its facts
    chief to worker   a refusal, or the files

channel.py has the proofs, messages.py the form of the rest. The chief answers all workers at once: when the last one has come,
or when the time is over. The connections stay open after the meeting.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gan_core.errors import InterruptedRunError, UsageError
from gan_core.jobs.job import SECRET
from gan_core.notices import warn
from gan_train.distribution import messages
from gan_train.distribution.channel import GONE, HANDSHAKE_SECONDS, Channel, WrongSecretError, accept, connect
from gan_train.distribution.cluster import Cluster
from gan_train.distribution.peer import BEAT_SECONDS, Peer

Facts = Mapping[str, str]
Files = Mapping[str, bytes]

_RETRY_SECONDS = 0.2
"""Seconds between two attempts to reach the chief."""

_ANSWER_SECONDS = 120.0
"""Seconds to send the answer, with the files of a checkpoint."""

_PART_BYTES = 256 << 10
"""Files are sent in messages of at most this many bytes, so that signs of life pass between them."""

_MOST_STRANGERS = 256
"""Connections that have not yet proved anything. Further ones are closed at once."""

_MOST_REFUSED = 8
"""Addresses with a wrong secret that are named."""


@dataclass(frozen=True)
class Meeting:
    """The result of a meeting of all workers.

    Attributes:
        files: those of the chief, by name.
        peers: the workers that this one is connected with: all others of the chief, the chief of all others.
    """

    files: Files
    peers: tuple[Peer, ...]


async def meet(cluster: Cluster, facts: Facts, files: Files, timeout: float, secret: bytes) -> Meeting:
    """Wait until all workers have connected and agree.

    Args:
        cluster: the workers.
        facts: JSON texts by name, which must be the same for all workers.
        files: content by name; all workers get those of the chief, and those of the others are not used.
        timeout: seconds that the chief waits for the others, and the others for the chief.
        secret: what all workers must have.

    Raises:
        UsageError: a worker differs in a fact; or the chief cannot listen at its address; or a worker has the task of another,
            or another secret than the chief.
        InterruptedRunError: workers did not come, which the message names.
    """
    if cluster.is_chief:
        return await _host(cluster, facts, files, timeout, secret)
    return await _visit(cluster, facts, timeout, secret)


@dataclass(frozen=True)
class _Guest:
    """A worker that has connected and waits for the answer of the chief.

    Attributes:
        facts: its facts.
        peer: the connection with it.
        leaving: ends when it goes away before the answer, or is silent, or says what it should not.
    """

    facts: Facts
    peer: Peer
    leaving: asyncio.Task[bytes]


class _Reception:
    """The chief's list of the workers that have connected."""

    def __init__(self, cluster: Cluster, secret: bytes) -> None:
        self._cluster, self._secret = cluster, secret
        self._strangers: set[asyncio.Task[None]] = set()
        self.guests: dict[int, _Guest] = {}
        self.refused: list[str] = []
        self.complete = asyncio.Event()
        self._answered = False

    @property
    def missing(self) -> list[str]:
        """Names of the workers that have not connected."""
        others = list(enumerate(self._cluster.workers))[1:]
        return [str(worker) for position, worker in others if position not in self.guests]

    def arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a worker until the answer is known. A worker that disconnects before may connect again."""
        if len(self._strangers) >= _MOST_STRANGERS:
            writer.close()
            return
        task = asyncio.create_task(self._welcome(reader, writer))
        self._strangers.add(task)
        task.add_done_callback(self._strangers.discard)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            channel = await accept(reader, writer, self._secret)
            hello = messages.parse_hello(await asyncio.wait_for(channel.receive(), HANDSHAKE_SECONDS))
        except WrongSecretError:
            self._refuse(str(writer.get_extra_info("peername", ("a stranger",))[0]))
            writer.close()
            return
        except GONE:
            # A client that does not follow this protocol, such as a port scanner, or that goes away, is no worker.
            writer.close()
            return
        except asyncio.CancelledError:
            writer.close()
            raise
        await self._keep(channel, hello)

    async def dismiss(self) -> dict[int, Peer]:
        """Take no more guests, and return those that are here by their position."""
        self._answered = True
        tasks = [*self._strangers, *(guest.leaving for guest in self.guests.values())]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        return {position: guest.peer for position, guest in self.guests.items()}

    async def _keep(self, channel: Channel, hello: messages.Hello) -> None:
        position, now = hello.worker, asyncio.get_running_loop().time()
        earlier = self.guests.get(position)
        if self._answered or (earlier and now - earlier.peer.heard <= 3 * BEAT_SECONDS):
            with suppress(*GONE):
                await channel.send(messages.refusal(UsageError(_same_task(position))))
            channel.close()
            return
        if earlier:
            # Its machine vanished without a word, and it was started again on another one.
            self._forget(position, earlier)
        workers = self._cluster.workers
        peer = Peer(workers[position] if position < len(workers) else self._cluster.own, channel)
        guest = self.guests[position] = _Guest(hello.facts, peer, asyncio.create_task(peer.receive()))
        guest.leaving.add_done_callback(lambda _: self._forget(position, guest))
        if not self.missing:
            self.complete.set()

    def _forget(self, position: int, guest: _Guest) -> None:
        """Take a guest off the list, unless the answer is on its way to it."""
        if self._answered or self.guests.get(position) is not guest:
            return
        guest.peer.close()
        guest.leaving.cancel()
        del self.guests[position]
        self.complete.clear()

    def _refuse(self, address: str) -> None:
        if address not in self.refused and len(self.refused) < _MOST_REFUSED:
            self.refused.append(address)
            warn(f"{address} connected with another secret and was refused; give all workers the same {SECRET}")


async def _host(cluster: Cluster, facts: Facts, files: Files, timeout: float, secret: bytes) -> Meeting:
    reception = _Reception(cluster, secret)
    try:
        server = await asyncio.start_server(reception.arrive, port=cluster.chief.port)
    except OSError as error:
        raise UsageError(
            f"{cluster.chief}: cannot listen at port {cluster.chief.port} ({error.strerror}); stop what uses it, or name "
            "another port in the TF_CONFIG of all workers"
        ) from error
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(reception.complete.wait(), timeout)
        fault = _difference(cluster, facts, reception) or _absence(reception, timeout)
        guests = await reception.dismiss()
    finally:
        # TensorFlow listens here next.
        server.close()
    sending = {asyncio.create_task(_answer(peer, files, fault)): peer for peer in guests.values()}
    if sending:
        await asyncio.wait(sending, timeout=_ANSWER_SECONDS)
    if fault:
        for peer in guests.values():
            peer.close()
        raise fault
    unsent = [str(peer.worker) for task, peer in sending.items() if not task.done() or task.exception()]
    if unsent:
        raise InterruptedRunError(
            f"{', '.join(unsent)} went away, or was too slow, while it took over the checkpoint of {cluster.chief}, the chief; "
            "start all workers again with the same commands"
        )
    return Meeting(files, tuple(guests.values()))


async def _answer(peer: Peer, files: Files, fault: UsageError | InterruptedRunError | None) -> None:
    if fault:
        await peer.send(messages.refusal(fault))
        return
    await peer.send(messages.announcement(files))
    for content in files.values():
        for start in range(0, len(content), _PART_BYTES):
            await peer.send(content[start : start + _PART_BYTES])


async def _visit(cluster: Cluster, facts: Facts, timeout: float, secret: bytes) -> Meeting:
    loop = asyncio.get_running_loop()
    last = loop.time() + timeout
    try:
        async with asyncio.timeout_at(last) as limit:
            while True:
                # The chief's machine, name or port is not up yet; or it went away and comes again; or the port still belongs
                # to the TensorFlow of the run before, which has another protocol.
                with suppress(*GONE):
                    peer = Peer(cluster.chief, await connect(cluster.chief.host, cluster.chief.port, secret))
                    # The chief began to wait before this worker reached it, so its answer may take as long again.
                    limit.reschedule(loop.time() + timeout + _ANSWER_SECONDS)
                    try:
                        await peer.send(messages.hello(cluster.position, facts))
                        return Meeting(await _answered(peer), (peer,))
                    except BaseException:
                        peer.close()
                        raise
                # One that goes away again and again does not make it longer.
                limit.reschedule(last)
                await asyncio.sleep(_RETRY_SECONDS)
    except TimeoutError:
        raise InterruptedRunError(
            f"{cluster.chief}, the chief, did not answer {cluster.own} within {timeout:g} seconds; "
            "look at its messages, then start all workers again with the same commands"
        ) from None


async def _answered(peer: Peer) -> Files:
    """The files of the chief. Raises the error that it sends instead."""
    answer = messages.parse_answer(await peer.receive())
    if isinstance(answer, messages.Refusal):
        raise answer.error
    files = {}
    for name, size in answer.files.items():
        content = bytearray()
        while len(content) < size:
            content += await peer.receive()
        if len(content) > size:
            raise ValueError("more than was announced")
        files[name] = bytes(content)
    return files


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
    refused = f"; {', '.join(reception.refused)} had another secret" if reception.refused else ""
    return InterruptedRunError(
        f"no answer within {timeout:g} seconds from {', '.join(reception.missing)}{refused}; "
        "start all workers again with the same commands, or give them longer by --cluster-timeout"
    )


def _same_task(position: int) -> str:
    return f"another process is already number {position} of the cluster; give every worker a task of its own in TF_CONFIG"
