"""A run folder on gs:// as the trainer uses it: a folder on this machine whose changes are uploaded in the background.

    with mirrored(CloudFolder("gs://bucket/run"), interruption) as run:
        fit(..., run, ...)

The bucket is authoritative: each session begins with an empty folder, and a file that a resumed run reads is downloaded when
it is read. Only such a read and the end of the run wait for the network. At every moment the bucket is as this folder was at
some earlier moment, so it has a COMMIT only with all of its files.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from gan_core.errors import StorageError
from gan_core.interruption import Interruption
from gan_core.notices import say
from gan_core.storage import WORK, CloudFolder, Entry, Folder, LocalFolder, storage_errors
from gan_core.storage.gcs_client import patience
from gan_core.temporary import system_folder
from gan_train.runs.lease import take_lease
from gan_train.runs.upload_queue import UploadQueue
from gan_train.runs.uploader import Uploader

CACHE = "GANMILL_RUN_CACHE"
"""Environment variable: the folder for mirrors, instead of the system's for temporary files."""

_RELEASE_SECONDS = 5.0


class Mirror(LocalFolder):
    """A local folder over one in a bucket; its `uri` is the bucket's.

    A file is read from this machine if it is here, else from the bucket. A change is made here, and put in the queue.

    Attributes:
        path: the folder on this machine.
    """

    def __init__(self, cloud: Folder, path: Path, queue: UploadQueue) -> None:
        super().__init__(os.fspath(path))
        self.uri = cloud.uri
        self._cloud, self._queue = cloud, queue
        self._remote = {entry.name: entry for entry in cloud.entries() if not entry.name.startswith(f"{WORK}/")}
        self._appended: set[str] = set()

    def exists(self, name: str) -> bool:
        return name in self._remote or super().exists(name)

    def entry(self, name: str) -> Entry:
        return self._remote[name] if name in self._remote else super().entry(name)

    def entries(self, prefix: str = "") -> list[Entry]:
        remote = [entry for name, entry in self._remote.items() if name.startswith(prefix)]
        return sorted([*remote, *super().entries(prefix)], key=lambda entry: entry.name)

    def names(self, prefix: str = "") -> list[str]:
        return sorted([*super().names(prefix), *(name for name in self._remote if name.startswith(prefix))])

    def read(self, name: str, version: str | None = None, limit: int | None = None) -> bytes:
        self._fetch(name)
        return super().read(name, version, limit)

    def read_range(self, name: str, start: int, size: int, version: str | None = None) -> bytes:
        self._fetch(name)
        return super().read_range(name, start, size, version)

    def open_binary(self, name: str) -> IO[bytes]:
        self._fetch(name)
        return super().open_binary(name)

    def write_new(self, name: str, content: bytes) -> bool:
        if self.exists(name) or not super().write_new(name, content):
            return False
        self._written(name)
        return True

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        with super().create(name) as out:
            yield out
        self._written(name)

    def appended(self, prefix: str) -> None:
        """Have these files uploaded before the next one that is written, so that no checkpoint comes before its log."""
        self._appended.add(prefix)

    def remove(self, name: str) -> None:
        super().remove(name)
        self._removed(name)

    def remove_all(self, prefix: str) -> None:
        names = self.names(prefix)
        super().remove_all(prefix)
        for name in names:
            self._removed(name)

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        self._fetch(name)
        with super().local_file(name) as path:
            yield path

    def flush(self) -> None:
        """Queue the files that were appended to."""
        for prefix in sorted(self._appended):
            for name in super().names(prefix):
                self._queue.put(name)
        self._appended.clear()

    def _fetch(self, name: str) -> None:
        """Download the file if it is in the bucket only."""
        if name in self._remote:
            with self._cloud.local_file(name) as downloaded, open(downloaded, "rb") as file, super().create(name) as out:
                shutil.copyfileobj(file, out)
            del self._remote[name]

    def _written(self, name: str) -> None:
        self._remote.pop(name, None)
        self.flush()
        self._queue.put(name)

    def _removed(self, name: str) -> None:
        self._remote.pop(name, None)
        self._queue.remove(name)


@contextmanager
def mirrored(cloud: CloudFolder, interruption: Interruption) -> Iterator[Mirror]:
    """Hold a run folder on gs:// for this process, and yield its mirror. All is uploaded when the block has ended.

    If the storage refuses for good, the run is asked to stop: the trainer commits a checkpoint on this machine and ends.

    Raises:
        UsageError: another process trains in the folder.
        InterruptedRunError: a signal arrived before training began.
        StorageError: the storage refused, or did not answer for too long. The message names the folder on this machine, which
            stays if it holds files that are not in the bucket.
    """
    lease = take_lease(cloud, interruption)
    try:
        path, queue = _new_folder(), UploadQueue()
        mirror = Mirror(cloud, path, queue)
        uploader = Uploader(queue, path, cloud, lease, lambda: interruption.ask("an upload that was refused"))
        uploader.start()
        try:
            yield mirror
        except KeyboardInterrupt:
            uploader.abandon()
            say(f"{cloud.uri}: {len(queue)} files were not uploaded, they are in {path}")
            raise
        except Exception as error:
            _finish(mirror, uploader, f" ({error})")
            raise
        _finish(mirror, uploader, "")
    finally:
        # A lease that cannot be given back is found stale by the next process.
        with suppress(StorageError), patience(_RELEASE_SECONDS):
            lease.release()


def _finish(mirror: Mirror, uploader: Uploader, ended: str) -> None:
    mirror.flush()
    try:
        uploader.finish()
    except StorageError as error:
        raise StorageError(
            f"{error}; what this session wrote is kept in {mirror.path}{ended}: 'gcloud storage rsync -r {mirror.path} "
            f"{mirror.uri}' would upload it"
        ) from error
    shutil.rmtree(mirror.path, ignore_errors=True)


def _new_folder() -> Path:
    base = Path(os.environ.get(CACHE) or system_folder())
    with storage_errors(base):
        base.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="ganmill-run-", dir=base))
