"""The numbers of a training for those who operate it, taken from what the loop tells its writers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from gan_core.errors import DivergenceError, FailedRunError, GanmillError, InterruptedRunError
from gan_core.metrics import Exporter, exported
from gan_train.data.dataset import Dataset
from gan_train.logs.metrics_log import Row
from gan_train.logs.oversight import Oversight
from gan_train.logs.writer import Writer
from gan_train.recipe.base import Recipe
from gan_train.runs.run_folder import State

_STATES = ("starting", *get_args(State))


_ENDS: dict[type[GanmillError], State] = {
    InterruptedRunError: "interrupted",
    DivergenceError: "diverged",
    FailedRunError: "failed",
}
"""The state after an error, by its class; "error" after all others."""


class PrometheusWriter(Writer):
    """Keeps the newest numbers of a training.

    Args:
        exporter: exports them.
        recipe: has the last step of the run and the size of a batch.
        dataset: tells how many examples damaged shards took away.
    """

    def __init__(self, exporter: Exporter, recipe: Recipe, dataset: Dataset) -> None:
        self._exporter, self._batch_size = exporter, recipe.batch_size
        gauge = exporter.gauge
        self._step = gauge("ganmill_train_step", "The newest step.")
        self._rate = gauge("ganmill_train_steps_per_second", "Steps per second of the last call of the device.")
        self._images = gauge("ganmill_train_images_per_second", "Images per second of the last call of the device.")
        self._loss = gauge("ganmill_train_loss", "The loss of each phase at the newest step.", "phase")
        self._memory = gauge("ganmill_train_memory_bytes", "Resident memory of the process.")
        self._saved = gauge("ganmill_train_checkpoint_step", "The step of the newest checkpoint of this process.")
        self._saved_at = gauge("ganmill_train_checkpoint_time_seconds", "When it was committed, in seconds since 1970.")
        self._rollbacks = gauge("ganmill_train_rollbacks", "Returns to an earlier step in the life of the run.")
        self._state = exporter.state("ganmill_train_state", "How the run stands.", _STATES)
        gauge("ganmill_train_steps", "The last step of the run.").set(recipe.steps)
        skipped = gauge("ganmill_train_skipped_examples", "Examples of the dataset that damaged shards took away.")
        skipped.set(dataset.skipped_examples)
        self.state("starting")

    def state(self, state: str) -> None:
        """Take note of how the run stands."""
        self._state.state(state)
        self._exporter.changed(now=True)

    def write_start(self, step: int, rollbacks: int) -> None:
        self._step.set(step)
        self._rollbacks.set(rollbacks)
        self.state("training")

    def write_row(self, row: Row) -> None:
        self._step.set(row["step"])
        self._images.set(row["images_per_second"])
        self._rate.set(row["images_per_second"] / self._batch_size)
        self._memory.set(row["memory.host"])
        for name, value in row.items():
            if name.endswith(".loss"):
                self._loss.labels(name.removesuffix(".loss")).set(value)

    def write_checkpoint(self, step: int) -> None:
        self._saved.set(step)
        self._saved_at.set(time.time())
        self._exporter.changed(now=True)

    def flush(self) -> None:
        self._exporter.changed()


@contextmanager
def prometheus(oversight: Oversight, recipe: Recipe, dataset: Dataset) -> Iterator[PrometheusWriter | None]:
    """Export the numbers of a training during the block; its end, also by an error, is the last state.

    Raises:
        UsageError, StorageError: as `exported` says.
    """
    with exported(oversight.metrics_port, oversight.metrics_file) as exporter:
        if exporter is None:
            yield None
            return
        writer = PrometheusWriter(exporter, recipe, dataset)
        try:
            yield writer
        except GanmillError as error:
            writer.state(_ENDS.get(type(error), "error"))
            raise
        except BaseException:
            writer.state("error")
            raise
        writer.state("finished")
