"""Ends a process that gives no sign of life, with the stacks of all its threads.

    with Watchdog(3600, lambda: "no step for an hour", keep) as watchdog:
        for step in steps:
            ...
            watchdog.sign()

It works while the main thread hangs, as inside TensorFlow or in a request to a storage, since it runs in a thread of its own.
Code that hangs and lets no other thread run is ended by faulthandler, which needs no Python: after twice the time, with exit
code 1.
"""

import faulthandler
import os
import tempfile
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Self

from gan_core.notices import print_error

HUNG = 124
"""The exit code of a process that gave no sign of life; also that of timeout(1) of the GNU core utilities."""

_STDERR = 2
_KEEP_SECONDS = 10.0
"""Seconds to tell the stacks, and as many to keep them."""

_ARM_SECONDS = 1.0
"""The least time between two settings of the timer of faulthandler, each of which starts a thread."""


class Watchdog:
    """Waits for signs of life during a block, and ends the process when there is none for too long.

    Args:
        seconds: the longest time between two signs.
        describe: says in one line what did not happen, when it is too late.
        keep: stores the line and the stacks; what it raises is told and changes nothing.
    """

    def __init__(self, seconds: float, describe: Callable[[], str], keep: Callable[[str], None]) -> None:
        self._seconds, self._describe, self._keep = seconds, describe, keep
        self._alive, self._ended = Event(), False
        self._thread = Thread(target=self._watch, daemon=True, name="watchdog")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sign(self) -> None:
        """Give a sign of life."""
        self._alive.set()

    def close(self) -> None:
        """Watch no longer."""
        self._ended = True
        self._alive.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        armed = -_ARM_SECONDS
        while not self._ended:
            if time.monotonic() - armed >= _ARM_SECONDS:
                armed = time.monotonic()
                faulthandler.dump_traceback_later(2 * self._seconds + _ARM_SECONDS, exit=True, file=_STDERR)
            came = wait_for(self._alive, self._seconds)
            self._alive.clear()
            if not came and not self._ended:
                self._end()

    def _end(self) -> None:
        text = f"{self._describe()}\n\n{stacks()}"
        # Both may hang where the process hangs: a full pipe takes no line, a storage that is away no file.
        for action in (print_error, self._try_to_keep):
            thread = Thread(target=action, args=(text,), daemon=True)
            thread.start()
            thread.join(_KEEP_SECONDS)
        os._exit(HUNG)

    def _try_to_keep(self, text: str) -> None:
        try:
            self._keep(text)
        # Whatever it is, the process ends now, and the stacks stand on stderr.
        except Exception as error:
            print_error(f"the stacks could not be kept: {error}")


def wait_for(event: Event, seconds: float) -> bool:
    """Wait for an event, and return whether it came within the time."""
    return event.wait(seconds)


def stacks() -> str:
    """The stacks of all threads of this process, the innermost call first."""
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read().decode(errors="replace")
