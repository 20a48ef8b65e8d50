"""The meeting of workers before TensorFlow starts, the self-test after, and TF_CONFIG."""

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import tensorflow as tf

from gan_core.errors import InterruptedRunError, UsageError
from gan_core.interruption import Interruption, interruption
from gan_train.distribution.cluster import Cluster, find_cluster, read_cluster
from gan_train.distribution.lockstep import SharedInterruption, self_test
from gan_train.distribution.rendezvous import Files, meet
from tests.support.runs import gan_train
from tests.support.workers import free_addresses, tf_config

pytestmark = pytest.mark.alone

FACTS = {"recipe.seed": 0}


def cluster(addresses: list[str], index: int) -> Cluster:
    found = read_cluster(tf_config(addresses, index))
    assert found is not None
    return found


def all_meet(addresses: list[str], facts: list[dict[str, Any]], files: Files) -> list[Files | Exception]:
    """Every worker in a thread of its own; what each got, or what ended it."""

    def one(index: int) -> Files | Exception:
        try:
            return meet(cluster(addresses, index), facts[index], files if index == 0 else {}, 20.0, Interruption())
        except (UsageError, InterruptedRunError) as error:
            return error

    with ThreadPoolExecutor(len(facts)) as threads:
        return list(threads.map(one, range(len(facts))))


def test_all_get_the_chiefs_files() -> None:
    files = {"recipe.yaml": b"a", "checkpoints/step-00000003/variables.safetensors": bytes(range(256)) * 9999}
    assert all_meet(free_addresses(3), [FACTS] * 3, files) == [files] * 3


def test_all_hear_who_differs_and_in_what() -> None:
    addresses = free_addresses(3)
    refusals = all_meet(addresses, [FACTS, FACTS, {"recipe.seed": 1}], {})
    assert {type(refusal) for refusal in refusals} == {UsageError}
    (message,) = {str(refusal) for refusal in refusals}
    assert message.startswith(
        f"worker 2 ({addresses[2]}) differs from worker 0 ({addresses[0]}), the chief, in recipe.seed: 1 there"
    )


def test_all_hear_who_is_missing() -> None:
    addresses = free_addresses(3)

    def one(index: int) -> str:
        with pytest.raises(InterruptedRunError) as refusal:
            meet(cluster(addresses, index), FACTS, {}, 2.0, Interruption())
        return str(refusal.value)

    with ThreadPoolExecutor(2) as threads:
        messages = set(threads.map(one, (0, 1)))
    assert len(messages) == 1
    assert f"no answer within 2 seconds from worker 2 ({addresses[2]});" in messages.pop()


def test_a_stranger_and_a_worker_that_goes_away_do_not_count() -> None:
    """A probe of the port, and a worker that was killed while it waited and comes again."""
    addresses = free_addresses(2)
    host, port = addresses[0].split(":")

    def come_and_go(words: bytes) -> None:
        while True:
            try:
                with socket.create_connection((host, int(port))) as connection:
                    connection.sendall(words)
                    return
            except ConnectionRefusedError:
                time.sleep(0.01)

    with ThreadPoolExecutor(3) as threads:
        chief = threads.submit(meet, cluster(addresses, 0), FACTS, {"a": b"b"}, 20.0, Interruption())
        for words in (b"", b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b"[" * 9000 + b"\n", b'{"worker": -1, "facts": {}}\n'):
            come_and_go(words)
        worker = threads.submit(meet, cluster(addresses, 1), FACTS, {}, 20.0, Interruption())
        assert chief.result() == worker.result() == {"a": b"b"}


def test_another_program_at_the_chiefs_port_is_not_the_chief() -> None:
    """Such as the TensorFlow of a run that is just ending."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as threads:
        addresses = [f"127.0.0.1:{server.getsockname()[1]}", *free_addresses(1)]
        server.settimeout(60)

        def answer_in_another_language() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"\x00\x00\x12\x04\x00\xff\n")

        threads.submit(answer_in_another_language)
        with pytest.raises(InterruptedRunError, match=r"the chief, did not answer worker 1 .* within 1 seconds"):
            meet(cluster(addresses, 1), FACTS, {}, 1.0, Interruption())


def test_two_processes_with_the_same_task_are_refused() -> None:
    addresses = free_addresses(3)
    with ThreadPoolExecutor(4) as threads:
        chief = threads.submit(meet, cluster(addresses, 0), FACTS, {}, 20.0, Interruption())
        twins = [threads.submit(meet, cluster(addresses, 1), FACTS, {}, 20.0, Interruption()) for _ in range(2)]
        while not any(twin.done() for twin in twins):
            time.sleep(0.01)
        (refused,) = [twin for twin in twins if twin.done()]
        with pytest.raises(UsageError, match="another process is already number 1"):
            refused.result()
        last = threads.submit(meet, cluster(addresses, 2), FACTS, {}, 20.0, Interruption())
        assert chief.result() == last.result() == {}


def test_a_taken_port_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        addresses = [f"127.0.0.1:{taken.getsockname()[1]}", *free_addresses(1)]
        with pytest.raises(UsageError, match="cannot listen at port"):
            meet(cluster(addresses, 0), FACTS, {}, 5.0, Interruption())


@pytest.mark.parametrize("index", [0, 1])
def test_a_signal_ends_the_wait(index: int) -> None:
    with interruption() as wish:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(InterruptedRunError, match="SIGTERM while waiting"):
            meet(cluster(free_addresses(2), index), FACTS, {}, 60.0, wish)


def test_an_all_reduce_that_hangs_names_who_takes_no_connection() -> None:
    never = Event()

    class Stuck(SharedInterruption):
        def __init__(self) -> None:
            pass

        def everyone(self, number: int) -> list[int]:
            never.wait()
            return []

    addresses = free_addresses(2)
    with pytest.raises(InterruptedRunError, match=rf"within 0.1 seconds: no connection to worker 1 \({addresses[1]}\)"):
        self_test(Stuck(), cluster(addresses, 0), 0.1)
    never.set()


def test_tf_config_with_a_chief_and_keys_of_a_scheduler() -> None:
    text = (
        '{"cluster": {"worker": ["b:2222", "[::1]:80"], "chief": ["a:2222"]}, "environment": "cloud", "job": {}, '
        '"task": {"type": "worker", "index": 1, "trial": "1"}}'
    )
    found = read_cluster(text)
    assert found is not None
    assert [str(worker) for worker in found.workers] == ["chief 0 (a:2222)", "worker 0 (b:2222)", "worker 1 ([::1]:80)"]
    assert (found.position, found.is_chief, found.chief.address) == (2, False, "a:2222")
    assert (found.own.host, found.own.port) == ("::1", 80)


def test_one_worker_is_no_cluster() -> None:
    assert read_cluster(tf_config(["a:1"], 0)) is None


def test_without_a_chief_the_first_worker_is_it() -> None:
    assert cluster(["a:1", "b:1"], 0).is_chief
    assert not cluster(["a:1", "b:1"], 1).is_chief


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Invalid JSON"),
        ("[]", "object"),
        ("{}", "cluster: is missing"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "task: is missing"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}', "task.index: is missing"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "index is 2, but cluster has 2"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": -1}}', "task.index"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}', "cluster has 0 of type 'chief'"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}', "cluster.ps"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', "a:1 twice"),
        ('{"cluster": {"chief": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}', "more than one chief"),
        ('{"cluster": {"worker": ["a", "b:1"]}, "task": {"type": "worker", "index": 0}}', "cluster.worker.0"),
    ],
)
def test_a_wrong_tf_config_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read_cluster(text)
    message = str(refusal.value)
    assert message.startswith("TF_CONFIG: ") and words in message and "\n" not in message


def test_who_looks_at_tf_config() -> None:
    environment = {"TF_CONFIG": tf_config(["a:1", "b:1"], 1)}
    assert find_cluster("auto", environment) == find_cluster("multiworker", environment) is not None
    assert find_cluster("default", environment) is find_cluster("mirrored", {"TF_CONFIG": "{"}) is None
    assert find_cluster("auto", {}) is None
    with pytest.raises(UsageError, match="TF_CONFIG is not set"):
        find_cluster("multiworker", {})


def test_no_tpu_is_one_clear_line(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TPU_NAME", raising=False)
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", tmp_path / "run", "--strategy", "tpu")
    assert ran.code == 2
    assert "no TPU found" in ran.err and "TPU_NAME" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_wish_of_the_program_itself_is_this_workers() -> None:
    """And so heard by all at the next step, as a signal is."""
    own = Interruption()
    SharedInterruption(own, cluster(free_addresses(2), 0), tf.distribute.get_strategy()).ask("--on-failure stop")
    assert own.name == "--on-failure stop"
