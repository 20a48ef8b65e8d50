"""The costs of a run: seconds of training, over all its sessions, and bytes of memory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import psutil
import tensorflow as tf

from gan_train.logs.metrics_log import Row

Stall = Literal["checkpoint", "snapshot"]
"""The reasons for which training pauses."""

STALLS: tuple[Stall, ...] = ("checkpoint", "snapshot")


class Clock:
    """Counts seconds of training, from the row of the step that the session begins with. Time of steps that a kill undid is not
    counted.

    Args:
        last: that row, or None at the beginning of a run.

    Attributes:
        elapsed: seconds of training since the run began.
    """

    def __init__(self, last: Row | None) -> None:
        before = last or {}
        self._before, self._began = before.get("elapsed", 0.0), time.monotonic()
        self._stalls = {name: before.get(f"stall.{name}", 0.0) for name in STALLS}
        self._devices = [device.name for device in tf.config.list_logical_devices() if _counts_memory(device)]

    @property
    def elapsed(self) -> float:
        return self._before + time.monotonic() - self._began

    @contextmanager
    def standing_still(self, why: Stall) -> Iterator[None]:
        """Count the time of the block as time in which no step is trained."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._stalls[why] += time.monotonic() - began

    def rows(self, steps: int, seconds: float, waited: float, batch_size: int) -> list[Row]:
        """The costs that each row of a call has beside its metrics, for a call of the device that ends now.

        Args:
            steps: number of steps of the call.
            seconds: duration of the call, with the wait for its input.
            waited: seconds of that wait.
            batch_size: images of a step.
        """
        shared = {"images_per_second": steps * batch_size / seconds, "input_wait": waited / seconds}
        shared |= {f"stall.{name}": spent for name, spent in self._stalls.items()}
        shared["memory.host"] = float(psutil.Process().memory_info().rss)
        if self._devices:
            shared["memory.device"] = float(max(_memory(device)["current"] for device in self._devices))
        end = self.elapsed
        return [{"elapsed": end - left * seconds / steps} | shared for left in reversed(range(steps))]


def _memory(device: str) -> dict[str, int]:
    return tf.config.experimental.get_memory_info(device)


def _counts_memory(device: tf.config.LogicalDevice) -> bool:
    """Whether TensorFlow counts the memory of a device; for a CPU it always gives 0."""
    if device.device_type == "CPU":
        return False
    try:
        _memory(device.name)
    except (ValueError, tf.errors.OpError):
        return False
    return True
