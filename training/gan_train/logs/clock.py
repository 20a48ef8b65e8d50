"""What a run costs on its machine: seconds, over all its sessions, and memory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import psutil
import tensorflow as tf

from gan_train.logs.metrics_log import Row

Stall = Literal["checkpoint", "snapshot"]
STALLS: tuple[Stall, ...] = ("checkpoint", "snapshot")


class Clock:
    """Counts from the row of the step the session begins with: what a kill undid, or came after that row, is not counted.

    Attributes:
        elapsed: seconds of training since the run began.
    """

    def __init__(self, last: Row | None) -> None:
        before = last or {}
        self._before, self._began = before.get("elapsed", 0.0), time.monotonic()
        self._stalls = {name: before.get(f"stall.{name}", 0.0) for name in STALLS}
        self._devices = [device.name for device in tf.config.list_logical_devices() if _tells_memory(device)]

    @property
    def elapsed(self) -> float:
        return self._before + time.monotonic() - self._began

    @contextmanager
    def standing_still(self, why: Stall) -> Iterator[None]:
        """Count the block as time in which no step was trained."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._stalls[why] += time.monotonic() - began

    def rows(self, steps: int, seconds: float, waited: float, batch_size: int) -> list[Row]:
        """What every row of a call that ends now says beside its losses.

        Args:
            steps: of the call.
            seconds: it took, the wait for its input included.
            waited: seconds of that wait.
            batch_size: images of a step.
        """
        same = {"images_per_second": steps * batch_size / seconds, "input_wait": waited / seconds}
        same |= {f"stall.{name}": spent for name, spent in self._stalls.items()}
        same["memory.host"] = float(psutil.Process().memory_info().rss)
        if self._devices:
            same["memory.device"] = float(max(_memory(device)["current"] for device in self._devices))
        end = self.elapsed
        return [{"elapsed": end - left * seconds / steps} | same for left in reversed(range(steps))]


def _memory(device: str) -> dict[str, int]:
    return tf.config.experimental.get_memory_info(device)


def _tells_memory(device: tf.config.LogicalDevice) -> bool:
    """Whether TensorFlow counts what a device holds: of a CPU it always says 0."""
    if device.device_type == "CPU":
        return False
    try:
        _memory(device.name)
    except (ValueError, tf.errors.OpError):
        return False
    return True
