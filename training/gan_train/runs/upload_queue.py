"""What a bucket does not have yet: names in the order of writing, never their bytes."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A file that was written, to be uploaded as it is at its turn; or one that was removed, and is to go."""

    name: str
    removed: bool


class UploadQueue:
    """Changes of a folder, oldest first. One thread adds, another carries them out, one at a time.

    A file that is written again keeps its turn: it goes up as it is then, and not twice. One that is removed loses it: what
    was written after it would go up without it, such as a COMMIT. So a name is held at most twice, to be removed and then
    uploaded, and whoever carries out the changes never shows a COMMIT without its files, if the writer never does.
    """

    def __init__(self) -> None:
        self._waiting: dict[Change, None] = {}
        self._current: Change | None = None
        self._overtaken = False
        self._closed = False
        self._news = threading.Condition()

    def put(self, name: str) -> None:
        """The file was written, or something was appended to it."""
        with self._news:
            self._waiting.setdefault(Change(name, removed=False))
            self._news.notify_all()

    def remove(self, name: str) -> None:
        """The file was removed."""
        with self._news:
            self._waiting.pop(Change(name, removed=False), None)
            self._waiting.setdefault(Change(name, removed=True))
            self._overtaken |= self._current == Change(name, removed=False)
            self._news.notify_all()

    def close(self) -> None:
        """Nothing more will be added."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def current(self) -> Change | None:
        """The change to carry out now: the oldest, until it is `done`. None if there is none."""
        with self._news:
            if not self._current and self._waiting:
                self._current, self._overtaken = next(iter(self._waiting)), False
                del self._waiting[self._current]
            return self._current

    @property
    def overtaken(self) -> bool:
        """The current file was removed since its turn came. If there is one of that name again, it has its own turn."""
        with self._news:
            return self._overtaken

    def done(self) -> None:
        """The current change is carried out."""
        with self._news:
            self._current = None

    def wait(self, seconds: float) -> None:
        """Return when there is a change or the queue was closed, or after that time."""
        with self._news:
            self._news.wait_for(lambda: self._closed or len(self), seconds)

    @property
    def finished(self) -> bool:
        """All is carried out and nothing more will be added."""
        with self._news:
            return self._closed and not len(self)

    @property
    def closed(self) -> bool:
        """Nothing more will be added."""
        with self._news:
            return self._closed

    def __len__(self) -> int:
        with self._news:
            return len(self._waiting) + bool(self._current)
