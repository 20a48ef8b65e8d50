"""The numbers of a preparation for those who operate it."""

from collections.abc import Iterator
from contextlib import contextmanager

from gan_core.errors import InterruptedRunError
from gan_core.metrics import Exporter, exported

_STATES = ("planning", "writing", "finished", "interrupted", "error")


class PreparationMetrics:
    """Keeps the newest numbers of a preparation.

    Args:
        exporter: exports them.
    """

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        gauge = exporter.gauge
        self._inputs = gauge("ganmill_prepare_images", "Inputs of the shards being written.")
        self._done = gauge("ganmill_prepare_images_done", "Inputs of them that were read.")
        self._failed = gauge("ganmill_prepare_images_failed", "Inputs of them that were read and dropped.")
        self._rate = gauge("ganmill_prepare_images_per_second", "Inputs read per second since this command began to write.")
        self._shards = gauge("ganmill_prepare_shards", "Shards being written.")
        self._shards_done = gauge("ganmill_prepare_shards_done", "Shards of them that are finished.")
        self._state = exporter.state("ganmill_prepare_state", "How the preparation stands.", _STATES)
        self.state("planning")

    def state(self, state: str) -> None:
        """Take note of how the preparation stands."""
        self._state.state(state)
        self._exporter.changed(now=True)

    def plan(self, inputs: int, shards: int) -> None:
        """Take note of how much there is to do."""
        self._inputs.set(inputs)
        self._shards.set(shards)
        self.state("writing")

    def progress(self, read: int, kept: int, shards: int, rate: float) -> None:
        """Take note of inputs read, examples kept, shards done, and inputs per second."""
        self._done.set(read)
        self._failed.set(read - kept)
        self._shards_done.set(shards)
        self._rate.set(rate)
        self._exporter.changed(now=True)


@contextmanager
def preparation_metrics(port: int | None, file: str | None) -> Iterator[PreparationMetrics | None]:
    """Export the numbers of a preparation during the block; its end, also by an error, is the last state.

    Raises:
        UsageError, StorageError: as `exported` says.
    """
    with exported(port, file) as exporter:
        if exporter is None:
            yield None
            return
        metrics = PreparationMetrics(exporter)
        try:
            yield metrics
        except (InterruptedRunError, KeyboardInterrupt):
            metrics.state("interrupted")
            raise
        except BaseException:
            metrics.state("error")
            raise
        metrics.state("finished")
