"""Workers that train together: the self-test before the first step, requests to stop, and a TPU that is not there."""

from pathlib import Path
from threading import Event

import pytest
import tensorflow as tf

from gan_core.errors import InterruptedRunError
from gan_core.interruption import Interruption
from gan_train.distribution.cluster import Cluster, read_cluster
from gan_train.distribution.lockstep import SharedInterruption, self_test
from tests.support.runs import gan_train
from tests.support.workers import free_addresses, tf_config


def cluster(addresses: list[str], index: int) -> Cluster:
    found = read_cluster(tf_config(addresses, index))
    assert found is not None
    return found


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
