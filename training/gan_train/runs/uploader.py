"""A thread that uploads the changes of a mirror in order, while training goes on."""

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gan_core.errors import StorageError, StorageOutageError
from gan_core.notices import say
from gan_core.storage import Folder, storage_errors
from gan_core.storage.gcs_client import patience, timeout
from gan_train.runs.lease import RENEW_SECONDS, Lease
from gan_train.runs.upload_queue import Change, UploadQueue

ATTEMPT_SECONDS = 30.0
"""Time for which a request is repeated, with growing pauses; then the whole change is tried again."""

REFUSALS, REFUSAL_PAUSE_SECONDS = 3, 1.0
"""A storage that refuses this many times in a row is taken to refuse for good. One refusal alone may be damage in transit, or
rights that were granted a moment ago."""

FIRST_MESSAGE_SECONDS, MESSAGE_SECONDS = 2.0, 30.0
"""Times until the first message on the uploads that a run waits for at its end, and between the later ones."""

_PIECE = 1 << 20
"""Bytes that are read at once."""


def carry_out(change: Change, queue: UploadQueue, local: Path, cloud: Folder) -> None:
    """Bring the current change of the queue into the bucket. Raises StorageError."""
    if change.removed:
        cloud.remove(change.name)
        return
    path = local / change.name
    with storage_errors(path), suppress(FileNotFoundError), open(path, "rb") as file:
        # This is checked once the file is open: before, the name might be given to a new file, whose turn comes later.
        if queue.withdrawn:
            return
        with cloud.create(change.name) as out:
            shutil.copyfileobj(file, out, _PIECE)


class Uploader:
    """Uploads changes until `finish` is called. An outage of the storage delays it; a refusal ends it.

    Args:
        queue: the changes.
        local: the folder on this machine.
        cloud: the folder in the bucket.
        lease: this thread renews it.
        on_failure: this thread calls it when it gives up.
    """

    def __init__(self, queue: UploadQueue, local: Path, cloud: Folder, lease: Lease, on_failure: Callable[[], None]) -> None:
        self._queue, self._local, self._cloud, self._lease, self._on_failure = queue, local, cloud, lease, on_failure
        self._failure: Exception | None = None
        self._outage: StorageOutageError | None = None
        self._answered = time.monotonic()
        self._refusals = 0
        self._abandoned = False
        self._thread = threading.Thread(target=self._work, name="uploader", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def finish(self) -> None:
        """Wait until all changes are uploaded, and tell for which ones.

        Raises:
            StorageError: the storage refused, or did not answer for GANMILL_STORAGE_TIMEOUT seconds.
        """
        self._answered = time.monotonic()
        self._queue.close()
        self._thread.join(FIRST_MESSAGE_SECONDS)
        while self._thread.is_alive():
            self._say(f"waiting for {self._waiting()}")
            self._thread.join(MESSAGE_SECONDS)
        if self._failure:
            raise self._failure

    def abandon(self) -> None:
        """Begin no more requests, not even to renew the lease. A request under way is not waited for."""
        self._abandoned = True
        self._queue.close()

    def _waiting(self) -> str:
        change = self._queue.current()
        files = f"{len(self._queue)} uploads, now of {change.name}" if change else "the last answer"
        return f"{files}; the storage does not answer ({self._outage.__cause__})" if self._outage else files

    def _say(self, words: str) -> None:
        say(f"{self._cloud.uri}: {words}")

    def _work(self) -> None:
        try:
            with patience(ATTEMPT_SECONDS):
                while not (self._queue.finished or self._abandoned):
                    self._attempt()
                    self._queue.wait(RENEW_SECONDS)
        except Exception as error:
            self._failure = error
            self._on_failure()

    def _attempt(self) -> None:
        """Renew the lease, and upload one change if there is any. Raises StorageError once the storage refuses for good."""
        try:
            self._lease.keep()
            change = self._queue.current()
            if change:
                carry_out(change, self._queue, self._local, self._cloud)
                self._queue.done()
        except StorageOutageError as error:
            self._endure(error)
        except StorageError:
            self._refusals += 1
            if self._refusals == REFUSALS:
                raise
            time.sleep(REFUSAL_PAUSE_SECONDS)
        else:
            if self._outage:
                self._say("the storage answers again; uploads go on")
            self._outage, self._refusals, self._answered = None, 0, time.monotonic()

    def _endure(self, error: StorageOutageError) -> None:
        if self._queue.closed and time.monotonic() - self._answered >= timeout():
            raise error
        if not self._outage and not self._queue.closed:
            self._say(f"the storage does not answer, uploads wait in {self._local}, training goes on ({error.__cause__})")
        self._outage = error
