"""The cost of a run in its log: seconds over all sessions, stalls, memory."""

import pytest
import tensorflow as tf

from gan_train.logs import clock
from gan_train.logs.clock import Clock


class Seconds:
    """A clock that goes when it is told to."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    made = Seconds()
    monkeypatch.setattr(clock, "time", made)
    return made


def test_rows_of_a_call_share_its_time_evenly(seconds: Seconds) -> None:
    made = Clock(None)
    seconds.now += 8.0
    rows = made.rows(steps=4, seconds=8.0, waited=2.0, batch_size=16)
    assert [row["elapsed"] for row in rows] == [2.0, 4.0, 6.0, 8.0]
    assert {(row["images_per_second"], row["input_wait"]) for row in rows} == {(8.0, 0.25)}


def test_a_session_goes_on_where_the_last_row_was(seconds: Seconds) -> None:
    made = Clock({"step": 7, "elapsed": 100.0, "stall.checkpoint": 3.0, "stall.snapshot": 5.0})
    with made.standing_still("checkpoint"):
        seconds.now += 2.0
    with pytest.raises(ValueError), made.standing_still("snapshot"):
        seconds.now += 1.0
        raise ValueError
    seconds.now += 4.0
    (row,) = made.rows(steps=1, seconds=4.0, waited=0.0, batch_size=1)
    assert (row["elapsed"], row["stall.checkpoint"], row["stall.snapshot"]) == (107.0, 5.0, 6.0)


def test_memory_of_the_fullest_device_is_told_where_the_device_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "memory.device" not in Clock(None).rows(1, 1.0, 0.0, 1)[0]
    devices = [tf.config.LogicalDevice(f"/device:{kind}:0", kind) for kind in ("CPU", "GPU", "XPU", "TPU")]

    def told(name: str) -> dict[str, int]:
        if "TPU" in name:
            raise ValueError("not supported")
        return {"current": {"/device:GPU:0": 7, "/device:XPU:0": 9}[name], "peak": 11}

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: devices)
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", told)
    assert Clock(None).rows(1, 1.0, 0.0, 1)[0]["memory.device"] == 9
