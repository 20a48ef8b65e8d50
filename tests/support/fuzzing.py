"""Damaged files by chance, and the bounds of time and memory in which a reader must refuse them."""

import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from gan_core.errors import GanmillError, UnusableInputError

ROUNDS = 1000
SECONDS = 60
PEAK_KB = 300 << 10

Files = Mapping[str, bytes]


class HangError(BaseException):
    """A reader did not come to an end. Not an Exception, so that no reader can swallow it."""


def _hang(*_: object) -> NoReturn:
    raise HangError(f"still reading after {SECONDS} s")


def _peak() -> int:
    """Most memory this process has had since the last reset, in KiB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


@contextmanager
def bounded() -> Iterator[None]:
    """Fail where the block takes longer than SECONDS, or more memory than PEAK_KB even for a moment."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak()
    signal.signal(signal.SIGALRM, _hang)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert _peak() - before < PEAK_KB


def mutated(content: bytes, chance: random.Random) -> bytes:
    """One to three faults: changed bytes, a cut, lost bytes, a slice that comes twice, or foreign bytes.

    They fall anywhere, or near the front or the end, where most of the structure is.
    """
    broken = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        size = len(broken)
        near = min(size, chance.choice([16, 64, 600, size])) or 1
        at = chance.choice([chance.randrange(near), max(0, size - 1 - chance.randrange(near))])
        length = chance.choice([1, 2, 4, 50, size])
        match chance.randrange(6):
            case 0 if size:
                broken[at] ^= 1 << chance.randrange(8)
            case 1 if size:
                broken[at] = chance.choice([0, 1, 2, 4, 127, 128, 254, 255, chance.randrange(256)])
            case 2:
                del broken[at:]
            case 3:
                del broken[at : at + length]
            case 4:
                broken[at:at] = broken[at : at + length]
            case _:
                broken[at:at] = chance.randbytes(chance.randrange(1, 9))
    return bytes(broken)


def refused(read: Callable[[], Any]) -> Any:
    """The result of a reader, or None if it refuses in one printable line."""
    try:
        return read()
    except (GanmillError, UnusableInputError) as error:
        assert str(error)
        assert str(error).isprintable()
        return None
