"""Numbers of a running command for Prometheus: served at a port, or written to a file for the textfile collector.

with exported(9400, None) as exporter:
    step = exporter.gauge("ganmill_train_step", "The newest step.")
    step.set(450)
    exporter.changed()
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gan_core.errors import StorageError, UsageError
from gan_core.notices import warn

if TYPE_CHECKING:
    from prometheus_client import Enum, Gauge

_FILE_SECONDS = 5.0
"""The least time between two writings of the file, except where the state changes."""


class Exporter:
    """The numbers of a command, and the file that they are written to.

    Args:
        file: its path, which should end in .prom; None writes no file.
    """

    def __init__(self, file: str | None) -> None:
        from prometheus_client import CollectorRegistry

        self.registry = CollectorRegistry()
        self._file, self._written, self._failed = file, 0.0, False

    def gauge(self, name: str, meaning: str, *labels: str) -> "Gauge":
        """A number that may rise and fall; with labels, one for each of their values."""
        from prometheus_client import Gauge

        return Gauge(name, meaning, labels, registry=self.registry)

    def state(self, name: str, meaning: str, states: tuple[str, ...]) -> "Enum":
        """One of several states: a number for each of them, of which one is 1 and the others are 0."""
        from prometheus_client import Enum

        return Enum(name, meaning, states=list(states), registry=self.registry)

    def changed(self, now: bool = False) -> None:
        """Write the file if it is due, or `now`. A file that cannot be written any more costs a warning, and no work."""
        if self._file is None or self._failed or (not now and time.monotonic() - self._written < _FILE_SECONDS):
            return
        try:
            self.write()
        except StorageError as error:
            self._failed = True
            warn(f"{error}; the work goes on without it")

    def write(self) -> None:
        """Write the file, whole or not at all. Raises StorageError if it cannot be written."""
        from prometheus_client import write_to_textfile

        assert self._file is not None
        self._written = time.monotonic()
        try:
            write_to_textfile(self._file, self.registry)
        except OSError as error:
            raise StorageError(
                f"--metrics-file {self._file}: cannot be written ({error.strerror}); name a file in a folder that exists"
            ) from error


@contextmanager
def exported(port: int | None, file: str | None) -> Iterator[Exporter | None]:
    """Export numbers during the block, and yield what takes them; None if nobody wants them.

    Args:
        port: serve them at this port of all addresses of this machine, over HTTP; None serves nothing.
        file: write them to this file; None writes nothing.

    Raises:
        UsageError: the port is taken, or may not be used.
        StorageError: the file cannot be written.
    """
    if port is None and file is None:
        yield None
        return
    exporter = Exporter(file)
    if file is not None:
        exporter.write()
    if port is None:
        yield exporter
        return
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, registry=exporter.registry)
    except OSError as error:
        raise UsageError(f"--metrics-port {port}: cannot listen ({error.strerror}); choose another port") from error
    try:
        yield exporter
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
