"""A run folder on gs:// as the trainer sees it: a folder on this machine whose changes are uploaded behind its back.

    with mirrored(CloudFolder("gs://bucket/run"), wish) as run:
        fit(..., run, ...)

The bucket is the truth: each session begins with an empty folder, and what a resume reads is downloaded when it is read.
Nothing waits for the network but such a read and the end. Whatever happens, the bucket is at every moment as this folder was
at some moment: a COMMIT is there only with all of its files.
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
from gan_train.runs.lease import take_lease
from gan_train.runs.upload_queue import UploadQueue
from gan_train.runs.uploader import Uploader

CACHE = "GANMILL_RUN_CACHE"
"""Environment variable: the folder for mirrors, instead of the system's for temporary files."""

_RELEASE_SECONDS = 5.0


class Mirror(LocalFolder):
    """A local folder over one in a bucket; its `uri` is the bucket's.

    A name is read here if it is here, else there. What is written or removed is so here, and put in the queue.

    Attributes:
        path: where its files lie on this machine.
    """

    def __init__(self, cloud: Folder, path: Path, queue: UploadQueue) -> None:
        super().__init__(os.fspath(path))
        self.uri = cloud.uri
        self._cloud, self._queue = cloud, queue
        self._there = {entry.name: entry for entry in cloud.entries() if not entry.name.startswith(f"{WORK}/")}
        self._appended: set[str] = set()

    def exists(self, name: str) -> bool:
        return name in self._there or super().exists(name)

    def entry(self, name: str) -> Entry:
        return self._there[name] if name in self._there else super().entry(name)

    def entries(self, prefix: str = "") -> list[Entry]:
        there = [entry for name, entry in self._there.items() if name.startswith(prefix)]
        return sorted([*there, *super().entries(prefix)], key=lambda entry: entry.name)

    def names(self, prefix: str = "") -> list[str]:
        return sorted([*super().names(prefix), *(name for name in self._there if name.startswith(prefix))])

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
        """These files go up before the next one that is written: no checkpoint is there without the lines before it."""
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
        """Let what was appended to go up, too."""
        for prefix in sorted(self._appended):
            for name in super().names(prefix):
                self._queue.put(name)
        self._appended.clear()

    def _fetch(self, name: str) -> None:
        """Have the file here, if it is there only."""
        if name in self._there:
            with self._cloud.local_file(name) as downloaded, open(downloaded, "rb") as file, super().create(name) as out:
                shutil.copyfileobj(file, out)
            del self._there[name]

    def _written(self, name: str) -> None:
        self._there.pop(name, None)
        self.flush()
        self._queue.put(name)

    def _removed(self, name: str) -> None:
        self._there.pop(name, None)
        self._queue.remove(name)


@contextmanager
def mirrored(cloud: CloudFolder, wish: Interruption) -> Iterator[Mirror]:
    """Hold a run folder on gs:// for this process, and yield its mirror. All is uploaded when the block has ended.

    A refusal of the storage that will not heal is made a wish to stop: the trainer commits a checkpoint here and ends.

    Raises:
        UsageError: another process trains in the folder.
        InterruptedRunError: a signal arrived before training began.
        StorageError: the storage refused, or did not answer for too long; it names the mirror, which is kept if it holds
            what is not in the bucket.
    """
    lease = take_lease(cloud, wish)
    try:
        place, queue = _new_place(), UploadQueue()
        mirror = Mirror(cloud, place, queue)
        uploader = Uploader(queue, place, cloud, lease, lambda: wish.ask("an upload that was refused"))
        uploader.start()
        try:
            yield mirror
        except KeyboardInterrupt:
            uploader.abandon()
            say(f"{cloud.uri}: {len(queue)} files were not uploaded, they are in {place}")
            raise
        except Exception as error:
            _finish(mirror, uploader, f" ({error})")
            raise
        _finish(mirror, uploader, "")
    finally:
        # A lease that cannot be given back is found to be stale.
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


def _new_place() -> Path:
    base = Path(os.environ.get(CACHE) or tempfile.gettempdir())
    with storage_errors(base):
        base.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="ganmill-run-", dir=base))
