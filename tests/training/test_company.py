"""Workers that stay connected while they train notice who is lost, how, and soon."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gan_core.interruption import Interruption
from gan_train.distribution import peer
from gan_train.distribution.cluster import Cluster, read_cluster
from gan_train.distribution.company import Company, company
from tests.support.workers import free_addresses, tf_config

pytestmark = pytest.mark.quick

WAIT = 120.0
"""Seconds that only a test which has failed waits."""

OTHER = """
import sys
from gan_core.interruption import Interruption
from gan_train.distribution.cluster import read_cluster
from gan_train.distribution.company import company
with company(read_cluster(sys.argv[1]), {}, {}, 120.0, b"", Interruption(), lambda _: None):
    print("met", flush=True)
    sys.stdin.readline()
    raise SystemExit(sys.argv[2])
"""


def cluster(addresses: list[str], index: int) -> Cluster:
    found = read_cluster(tf_config(addresses, index))
    assert found is not None
    return found


@contextmanager
def with_other(
    addresses: list[str], own: int, last_words: str = ""
) -> Iterator[tuple[Company, subprocess.Popen[str], list[str]]]:
    """This process in the company of another one, which leaves by an error when its input ends; and what was aborted."""
    aborted: list[str] = []
    arguments = [sys.executable, "-c", OTHER, tf_config(addresses, 1 - own), last_words]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            with company(cluster(addresses, own), {}, {}, WAIT, b"", Interruption(), aborted.append) as together:
                assert other.stdout and other.stdout.readline() == "met\n"
                with suppress(ZeroDivisionError), together.noticing():
                    yield together, other, aborted
                    raise ZeroDivisionError  # training notices, so that this process is not ended
        finally:
            other.kill()


@pytest.mark.parametrize("own", [0, 1])
def test_a_killed_process_is_lost_at_once(own: int) -> None:
    addresses = free_addresses(2)
    with with_other(addresses, own) as (together, other, aborted):
        other.send_signal(signal.SIGKILL)
        how = f"lost worker {1 - own} ({addresses[1 - own]}): its process ended"
        assert together.loss(WAIT) == how
    assert aborted == [how]


@pytest.mark.parametrize("own", [0, 1])
def test_a_silent_process_is_lost_after_a_while(own: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its connection, as one does whose machine or network is gone."""
    monkeypatch.setattr(peer, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(peer, "SILENCE_SECONDS", 0.5)
    addresses = free_addresses(2)
    # The other one beats once a second, and so is silent for too long by these limits.
    with with_other(addresses, own) as (together, _, aborted):
        who = f"worker {1 - own} ({addresses[1 - own]})"
        how = f"lost {who}: no sign of life for 0.5 seconds, so its machine or the network is gone"
        assert together.loss(WAIT) == how
    assert aborted == [how]


def test_the_reason_of_one_that_ends_is_heard() -> None:
    addresses = free_addresses(2)
    with with_other(addresses, 1, "no space left on the disk") as (together, other, _):
        assert other.stdin
        other.stdin.close()
        assert together.loss(WAIT) == f"worker 0 ({addresses[0]}) ended: no space left on the disk"


def test_who_leaves_when_all_is_done_is_not_lost() -> None:
    addresses, left, stay = free_addresses(2), threading.Event(), threading.Event()

    def chief() -> str:
        with company(cluster(addresses, 0), {}, {}, WAIT, b"", Interruption(), lambda _: None) as together:
            left.wait(WAIT)
            found = together.loss(0.2)
            stay.set()
            return found

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(chief)
        with company(cluster(addresses, 1), {}, {}, WAIT, b"", Interruption(), lambda _: None):
            pass
        left.set()
        assert running.result() == ""


HANGS = """
import sys, threading
from gan_core.interruption import Interruption
from gan_train.distribution import company
from gan_train.distribution.cluster import read_cluster
company._GRACE_SECONDS = 0.2
with company.company(read_cluster(sys.argv[1]), {}, {}, 120.0, b"", Interruption(), lambda _: threading.Event().wait()):
    print("met", flush=True)
    threading.Event().wait()
"""


def test_a_training_that_hangs_in_spite_of_all_is_ended(tmp_path: Path) -> None:
    addresses = free_addresses(2)
    arguments = [sys.executable, "-c", HANGS, tf_config(addresses, 1)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as hanging:
        with suppress(ZeroDivisionError), company(cluster(addresses, 0), {}, {}, WAIT, b"", Interruption(), lambda _: None):
            raise ZeroDivisionError("the chief fails")
        _, err = hanging.communicate(timeout=WAIT)
        assert hanging.returncode == 75
    assert err == (
        f"interrupted: worker 0 ({addresses[0]}) ended: the chief fails; start all workers again with the same commands\n"
    )


def test_the_port_is_free_for_tensorflow_after_the_meeting() -> None:
    addresses = free_addresses(2)
    host, _, port = addresses[0].rpartition(":")
    with with_other(addresses, 0), socket.create_server((host, int(port))):
        pass
