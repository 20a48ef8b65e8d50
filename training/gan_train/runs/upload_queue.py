"""Changes of a folder that a bucket does not have yet: names in the order of writing, without their bytes."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A file to upload as it is when its turn comes, or to remove from the bucket."""

    name: str
    removed: bool


class UploadQueue:
    """Changes of a folder, oldest first. One thread adds them, another carries them out, one at a time.

    A file that is written again keeps its turn: it is uploaded once, as it is then. A file that is removed loses its turn,
    since a file that was written after it, such as a COMMIT, must not be uploaded without it. So a name is queued at most
    twice, to be removed and then uploaded, and the bucket has no COMMIT without its files as long as the folder has none.
    """

    def __init__(self) -> None:
        self._waiting: dict[Change, None] = {}
        self._current: Change | None = None
        self._withdrawn = False
        self._closed = False
        self._changed = threading.Condition()

    def put(self, name: str) -> None:
        """Queue a file that was written or appended to."""
        with self._changed:
            self._waiting.setdefault(Change(name, removed=False))
            self._changed.notify_all()

    def remove(self, name: str) -> None:
        """Queue the removal of a file."""
        with self._changed:
            self._waiting.pop(Change(name, removed=False), None)
            self._waiting.setdefault(Change(name, removed=True))
            self._withdrawn |= self._current == Change(name, removed=False)
            self._changed.notify_all()

    def close(self) -> None:
        """Declare that nothing more will be added."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def current(self) -> Change | None:
        """The change to carry out now: the oldest, until `done` is called. None if the queue is empty."""
        with self._changed:
            if not self._current and self._waiting:
                self._current, self._withdrawn = next(iter(self._waiting)), False
                del self._waiting[self._current]
            return self._current

    @property
    def withdrawn(self) -> bool:
        """Whether the current file was removed since its turn came. A new file of that name has a turn of its own."""
        with self._changed:
            return self._withdrawn

    def done(self) -> None:
        """Declare that the current change is carried out."""
        with self._changed:
            self._current = None

    def wait(self, seconds: float) -> None:
        """Wait until there is a change or the queue is closed, for at most so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self), seconds)

    @property
    def finished(self) -> bool:
        """Whether all changes are carried out and none will be added."""
        with self._changed:
            return self._closed and not len(self)

    @property
    def closed(self) -> bool:
        """Whether no change will be added any more."""
        with self._changed:
            return self._closed

    def __len__(self) -> int:
        with self._changed:
            return len(self._waiting) + bool(self._current)
