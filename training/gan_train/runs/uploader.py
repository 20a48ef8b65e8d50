"""The thread that carries a mirror's changes to the bucket, in order, while training goes on."""

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
"""A request is repeated for so long, with growing pauses; then the change is tried from its beginning."""

REFUSALS, REFUSAL_PAUSE_SECONDS = 3, 1.0
"""A refusal that comes so often in a row will not heal. (One alone may be damage on the way, or new rights on theirs.)"""

FIRST_WORD_SECONDS, WORD_SECONDS = 2.0, 30.0
"""When waiting for the last uploads: how soon, and then how often, it is said for what."""

_PIECE = 1 << 20


def carry_out(change: Change, queue: UploadQueue, local: Path, cloud: Folder) -> None:
    """Bring the current change of the queue into the bucket. Raises StorageError."""
    if change.removed:
        cloud.remove(change.name)
        return
    path = local / change.name
    with storage_errors(path), suppress(FileNotFoundError), open(path, "rb") as file:
        # Asked when the file is open: else it might be one that was written anew, before whose turn others have theirs.
        if queue.overtaken:
            return
        with cloud.create(change.name) as out:
            shutil.copyfileobj(file, out, _PIECE)


class Uploader:
    """Carries changes until `finish`. An outage only delays it; a refusal ends it.

    Args:
        queue: the changes.
        local: where the files lie.
        cloud: where they go.
        lease: renewed by this thread.
        on_failure: called by this thread when it gives up.
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
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """Wait until all is uploaded, saying for what.

        Raises:
            StorageError: the storage refused, or did not answer for GANMILL_STORAGE_TIMEOUT seconds.
        """
        self._answered = time.monotonic()
        self._queue.close()
        self._thread.join(FIRST_WORD_SECONDS)
        while self._thread.is_alive():
            self._say(f"waiting for {self._waiting()}")
            self._thread.join(WORD_SECONDS)
        if self._failure:
            raise self._failure

    def abandon(self) -> None:
        """Begin no more requests, not even to keep the lease. One under way is not waited for."""
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
        """Carry one change. Raises StorageError when there is no hope left."""
        try:
            self._lease.keep()
            change = self._queue.current()
            if change:
                carry_out(change, self._queue, self._local, self._cloud)
                self._queue.done()
        except StorageOutageError as error:
            self._bear(error)
        except StorageError:
            self._refusals += 1
            if self._refusals == REFUSALS:
                raise
            time.sleep(REFUSAL_PAUSE_SECONDS)
        else:
            if self._outage:
                self._say("the storage answers again; uploads go on")
            self._outage, self._refusals, self._answered = None, 0, time.monotonic()

    def _bear(self, error: StorageOutageError) -> None:
        if self._queue.closed and time.monotonic() - self._answered >= timeout():
            raise error
        if not self._outage and not self._queue.closed:
            self._say(f"the storage does not answer, uploads wait in {self._local}, training goes on ({error.__cause__})")
        self._outage = error
