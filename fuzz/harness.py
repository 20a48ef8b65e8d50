"""The promise that every reader keeps, and the means to try it.

A reader is given any bytes. It returns what it read, or raises one of the errors of `gan_core.errors` with a message that a
terminal can show. Nothing else escapes, it ends within seconds, and takes little memory.
"""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gan_core.errors import GanmillError, UnusableInputError

SECONDS = 20
"""The longest time in seconds that reading one input may take."""

MEGABYTES = 1024
"""The most memory, in units of 2**20 bytes, that reading one input may add to the process."""

MESSAGE_CHARACTERS = 20_000
"""The longest message of an error."""


class BrokenPromiseError(BaseException):
    """A reader took too long or too much memory, or its message is none. No reader can swallow it, as it is no Exception."""


@dataclass(frozen=True)
class Target:
    """A reader and what it reads.

    Attributes:
        name: of the target, and of its folder in tests/data/fuzz.
        read: reads the folder, which holds the input under the name `file` and the companions; raises the reader's errors.
        file: name of the input in that folder.
        seeds: inputs that are read without an error.
        companions: the other files of the folder by name.
    """

    name: str
    read: Callable[[Path], object]
    file: str
    seeds: Callable[[], list[bytes]]
    companions: Mapping[str, bytes] = field(default_factory=dict)

    def install(self, folder: Path) -> None:
        """Write the companions into an empty folder."""
        for name, content in self.companions.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (folder / self.file).parent.mkdir(parents=True, exist_ok=True)


def attempt(target: Target, folder: Path, content: bytes) -> Exception | None:
    """Let the reader read an input; the error it refused it with, or None.

    Whatever else it raises, this raises, and BrokenPromiseError for a message that cannot be shown.
    """
    (folder / target.file).write_bytes(content)
    try:
        target.read(folder)
    except (GanmillError, UnusableInputError) as error:
        message = str(error)
        if not message or len(message) > MESSAGE_CHARACTERS or not message.replace("\n", "").isprintable():
            raise BrokenPromiseError(f"{target.name}: a message that cannot be shown: {message[:300]!r}") from error
        return error
    return None


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise BrokenPromiseError in a block that takes longer. For the main thread only."""

    def too_long(number: int, frame: FrameType | None) -> NoReturn:
        raise BrokenPromiseError(f"not done after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def bounded() -> Iterator[None]:
    """Raise BrokenPromiseError if the block takes more than `SECONDS`, or more than `MEGABYTES` at its peak. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_kilobytes()
    with within(SECONDS):
        yield
    if _peak_kilobytes() - before > MEGABYTES << 10:
        raise BrokenPromiseError(f"took more than {MEGABYTES:,} megabytes")


def _peak_kilobytes() -> int:
    """The largest memory of this process since the last reset."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
