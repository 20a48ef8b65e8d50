"""The meeting of workers before TensorFlow starts: who comes, who is refused, and what strangers can do."""

import asyncio
import json
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from gan_core.errors import InterruptedRunError, UsageError
from gan_core.interruption import Interruption, interruption
from gan_train.distribution import channel, messages
from gan_train.distribution.channel import Channel
from gan_train.distribution.cluster import Cluster, read_cluster
from gan_train.distribution.company import company
from gan_train.distribution.rendezvous import Files
from tests.support.workers import free_addresses, tf_config

pytestmark = pytest.mark.quick

FACTS = {"recipe.seed": "0"}
SECRET = b"of this cluster alone"
CHECKPOINT = "checkpoints/step-00000003/variables.safetensors"


def cluster(addresses: list[str], index: int) -> Cluster:
    found = read_cluster(tf_config(addresses, index))
    assert found is not None
    return found


def meet(
    addresses: list[str],
    index: int,
    facts: dict[str, str] = FACTS,
    files: Files | None = None,
    timeout: float = 120.0,
    wish: Interruption | None = None,
    secret: bytes = SECRET,
) -> Files:
    """Meet the others and leave again; the chief's files."""
    wish = wish or Interruption()
    with company(cluster(addresses, index), facts, files or {}, timeout, secret, wish, lambda _: None) as together:
        return together.files


def all_meet(addresses: list[str], facts: list[dict[str, str]], files: Files) -> list[Files | Exception]:
    """Every worker in a thread of its own; what each got, or what ended it."""

    def one(index: int) -> Files | Exception:
        try:
            return meet(addresses, index, facts[index], files if index == 0 else {})
        except (UsageError, InterruptedRunError) as error:
            return error

    with ThreadPoolExecutor(len(facts)) as threads:
        return list(threads.map(one, range(len(facts))))


def connected(address: str) -> socket.socket:
    """A connection to a chief, as soon as it listens."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            return socket.create_connection((host, int(port)), 20)
        except ConnectionRefusedError:
            time.sleep(0.01)


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    try:
        while part := connection.recv(1 << 16):
            received += part
    except ConnectionError:
        pass
    return received


@contextmanager
def false_chief(behave: Callable[[Channel], Coroutine[Any, Any, object]]) -> Iterator[list[str]]:
    """Addresses of a cluster whose chief has the secret and then behaves as the test says, once."""

    def serve(listening: socket.socket) -> None:
        async def accept_one() -> None:
            done = asyncio.Event()

            async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                try:
                    opened = await channel.accept(reader, writer, SECRET)
                    await opened.receive()
                    await behave(opened)
                finally:
                    writer.close()
                    done.set()

            server = await asyncio.start_server(welcome, sock=listening)
            await done.wait()
            server.close()

        asyncio.run(accept_one())

    listening = socket.create_server(("127.0.0.1", 0))
    with ThreadPoolExecutor(1) as threads:
        threads.submit(serve, listening)
        yield [f"127.0.0.1:{listening.getsockname()[1]}", *free_addresses(1)]


def test_all_get_the_chiefs_files() -> None:
    files = {"recipe.yaml": b"a", "rollbacks.jsonl": b"", CHECKPOINT: bytes(range(256)) * 9999}
    assert all_meet(free_addresses(3), [FACTS] * 3, files) == [files] * 3


def test_all_hear_who_differs_and_in_what() -> None:
    addresses = free_addresses(3)
    refusals = all_meet(addresses, [FACTS, FACTS, {"recipe.seed": "1"}], {})
    assert {type(refusal) for refusal in refusals} == {UsageError}
    (message,) = {str(refusal) for refusal in refusals}
    assert message.startswith(
        f"worker 2 ({addresses[2]}) differs from worker 0 ({addresses[0]}), the chief, in recipe.seed: 1 there"
    )


def test_all_hear_who_is_missing() -> None:
    addresses = free_addresses(3)

    def one(index: int) -> str:
        with pytest.raises(InterruptedRunError) as refusal:
            meet(addresses, index, timeout=0.6)
        return str(refusal.value)

    with ThreadPoolExecutor(2) as threads:
        found = set(threads.map(one, (0, 1)))
    assert len(found) == 1
    assert f"no answer within 0.6 seconds from worker 2 ({addresses[2]});" in found.pop()


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b'{"worker": 1, "facts": {}}\n',
        b"[" * 9000 + b"\n",
        b"\xff" * (1 << 20),
        bytes(64),
    ],
)
def test_a_stranger_gets_a_nonce_and_nothing_else(words: bytes) -> None:
    """A probe of the port, or a worker without the secret."""
    addresses = free_addresses(2)
    with ThreadPoolExecutor(2) as threads:
        chief = threads.submit(meet, addresses, 0, files={"recipe.yaml": b"b"})
        with connected(addresses[0]) as stranger:
            try:
                stranger.sendall(words)
                stranger.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass  # it was shown the door before it had said all
            heard = read_to_end(stranger)
        assert heard[42:] in (b"", b"\x00"), "nothing but the refusal follows the nonce"
        worker = threads.submit(meet, addresses, 1)
        assert chief.result() == worker.result() == {"recipe.yaml": b"b"}


def test_slow_strangers_are_shown_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than are let in at once; a worker gets in nevertheless."""
    monkeypatch.setattr(channel, "HANDSHAKE_SECONDS", 0.5)
    addresses = free_addresses(2)
    with ThreadPoolExecutor(2) as threads:
        chief = threads.submit(meet, addresses, 0)
        slow = [connected(addresses[0]) for _ in range(300)]
        for one in slow:
            with suppress(ConnectionError):  # of one too many
                one.sendall(b"\x01" * 63)
        assert threads.submit(meet, addresses, 1).result() == chief.result() == {}
        for one in slow:
            assert len(read_to_end(one)) in (0, 42)
            one.close()


def test_another_secret_is_refused_on_both_sides(notices: list[str]) -> None:
    addresses = free_addresses(2)
    with ThreadPoolExecutor(2) as threads:
        chief = threads.submit(meet, addresses, 0, timeout=0.6)
        with pytest.raises(UsageError, match=r"chief at 127.0.0.1:\d+ has another secret than this worker.*GANMILL_SECRET"):
            meet(addresses, 1, secret=b"of another cluster")
        with pytest.raises(InterruptedRunError, match=r"from worker 1 .*; 127.0.0.1 had another secret; start all"):
            chief.result()
    assert [note for note in notices if "127.0.0.1 connected with another secret and was refused" in note]


def test_what_was_overheard_is_worth_nothing() -> None:
    """The words of a true worker, recorded and played again to the chief of the same cluster."""
    recorded = bytearray()
    with ThreadPoolExecutor(3) as threads:
        behind, (front, *_) = free_addresses(2), free_addresses(1)
        chief = threads.submit(meet, behind, 0, {"cluster": "x"}, {"recipe.yaml": b"private"})

        def record() -> None:
            host, _, port = front.rpartition(":")
            with socket.create_server((host, int(port))) as listening:
                worker, _ = listening.accept()
                with worker, connected(behind[0]) as true:
                    forward = threads.submit(_copy, true, worker, bytearray())
                    _copy(worker, true, recorded)
                    forward.result()

        recording = threads.submit(record)
        meet([front, behind[1]], 1, {"cluster": "x"})
        chief.result()
        recording.result()
    assert len(recorded) > 64
    with ThreadPoolExecutor(1) as threads:
        again = free_addresses(2)
        chief = threads.submit(meet, again, 0, {"cluster": "x"}, {"recipe.yaml": b"private"}, timeout=0.4)
        with connected(again[0]) as stranger:
            stranger.sendall(recorded)
            stranger.shutdown(socket.SHUT_WR)
            heard = read_to_end(stranger)
        assert heard[42:] in (b"", b"\x00")
        with pytest.raises(InterruptedRunError, match=r"no answer within 0\.4 seconds from worker 1"):
            chief.result()


def _copy(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    try:
        while part := source.recv(1 << 16):
            kept += part
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side is gone


NAMES = [
    "../../etc/cron.d/x",
    "/etc/passwd",
    "checkpoints/step-00000003/../../../x",
    "checkpoints/step-00000003/extra.keras",
    "checkpoints/step-3/COMMIT",
    "metrics.jsonl",
    "run.json\x00",
    "",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_other_file_is_taken_from_a_chief(name: str) -> None:
    assert not messages.is_shared(name)
    with pytest.raises(ValueError, match="a file that workers do not take over"):
        messages.parse_answer(messages.announcement({name: b""}))


@pytest.mark.parametrize(
    "answer",
    [
        {"files": {"run.json": -1}},
        {"files": {"run.json": 1 << 40}},
        {"files": {"run.json": True}},
        {"files": {f"checkpoints/step-{step:08d}/COMMIT": 1 for step in range(99)}},
        {"files": {}, "more": 1},
        {"exit_code": 0, "refusal": ""},
        {"exit_code": 75, "refusal": ["x"]},
        [],
    ],
)
def test_no_other_answer_is_taken_from_a_chief(answer: object) -> None:
    with pytest.raises(ValueError):
        messages.parse_answer(json.dumps(answer).encode())


@pytest.mark.parametrize("content", [b"[" * 99_999, b'{"a":' * 99_999, b'{"files": ' + b"[" * 199 + b"]" * 199 + b"}", b"\xff"])
def test_no_answer_is_deep(content: bytes) -> None:
    for parse in (messages.parse_answer, messages.parse_hello, messages.parse_leaving):
        with pytest.raises(ValueError):
            parse(content)


@pytest.mark.parametrize(
    "content",
    [messages.announcement({"../../x": b"y"}), b"[" * 99_999, b"{}"],
    ids=["name", "deep", "empty"],
)
def test_a_false_chief_with_the_secret_writes_nothing(content: bytes) -> None:
    async def misbehave(opened: Channel) -> None:
        await opened.send(content)
        await opened.receive()

    with false_chief(misbehave) as addresses, pytest.raises(InterruptedRunError, match="the chief, did not answer worker 1"):
        meet(addresses, 1, timeout=0.4)


@pytest.mark.parametrize("length", [messages.DOCUMENT_BYTES, 2**32 - 1])
def test_a_huge_length_allocates_nothing(length: int) -> None:
    async def misbehave(opened: Channel) -> None:
        opened.writer.write(struct.pack(">I", length))
        await opened.receive()

    with false_chief(misbehave) as addresses, pytest.raises(InterruptedRunError, match="did not answer worker 1"):
        meet(addresses, 1, timeout=0.4)


def test_a_changed_message_ends_the_connection() -> None:
    async def misbehave(opened: Channel) -> None:
        opened.key = bytes(32)
        await opened.send(messages.announcement({}))
        await opened.receive()

    with false_chief(misbehave) as addresses, pytest.raises(InterruptedRunError, match="did not answer worker 1"):
        meet(addresses, 1, timeout=0.4)


@pytest.mark.parametrize(
    ("words", "kind", "match"),
    [
        (b"\x00\x00\x12\x04\x00\xff\n" * 9, InterruptedRunError, r"the chief, did not answer worker 1 .* within 0.4 seconds"),
        (b"ganmill 9\n" + bytes(32), UsageError, "another version of ganmill"),
        (b"ganmill 1\n" + bytes(32) + b"\x01" + bytes(32), UsageError, "another secret"),
    ],
    ids=["the TensorFlow of a run that is just ending", "another version", "a chief without the secret"],
)
def test_who_else_may_listen_at_the_chiefs_port(words: bytes, kind: type[Exception], match: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as threads:
        addresses = [f"127.0.0.1:{server.getsockname()[1]}", *free_addresses(1)]
        server.settimeout(60)

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(words)
                read_to_end(connection)

        threads.submit(answer)
        with pytest.raises(kind, match=match):
            meet(addresses, 1, timeout=0.4)


def test_a_worker_that_goes_away_may_come_again() -> None:
    addresses = free_addresses(3)
    with ThreadPoolExecutor(4) as threads:
        chief = threads.submit(meet, addresses, 0)
        stopped = Interruption()
        waiting = threads.submit(meet, addresses, 1, wish=stopped)
        stopped.ask("a test")
        with pytest.raises(InterruptedRunError, match="stopped by a test"):
            waiting.result()
        again = [threads.submit(meet, addresses, index) for index in (1, 2)]
        assert chief.result() == again[0].result() == again[1].result() == {}


def test_two_processes_with_the_same_task_are_refused() -> None:
    addresses = free_addresses(3)
    with ThreadPoolExecutor(4) as threads:
        chief = threads.submit(meet, addresses, 0)
        twins = [threads.submit(meet, addresses, 1) for _ in range(2)]
        while not any(twin.done() for twin in twins):
            time.sleep(0.01)
        (refused,) = [twin for twin in twins if twin.done()]
        with pytest.raises(UsageError, match="another process is already number 1"):
            refused.result()
        last = threads.submit(meet, addresses, 2)
        assert chief.result() == last.result() == {}


def test_a_taken_port_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        addresses = [f"127.0.0.1:{taken.getsockname()[1]}", *free_addresses(1)]
        with pytest.raises(UsageError, match="cannot listen at port"):
            meet(addresses, 0, timeout=5.0)


@pytest.mark.parametrize("index", [0, 1])
def test_a_signal_ends_the_wait(index: int) -> None:
    with interruption() as wish:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(InterruptedRunError, match="SIGTERM while waiting"):
            meet(free_addresses(2), index, timeout=60.0, wish=wish)
