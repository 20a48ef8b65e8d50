"""SIGTERM and SIGINT as a request to stop, which is granted at the next safe point."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from gan_core.errors import InterruptedRunError


class Interruption:
    """A request to stop that may arrive at any time.

    Attributes:
        name: the signal or other reason; "" while there is none.
        done: whether the run stops because it has done what it was to do.
    """

    name: str = ""
    done: bool = False
    _at_once: bool = False

    @property
    def requested(self) -> bool:
        """Whether somebody asked to stop."""
        return bool(self.name)

    def ask(self, reason: str, done: bool = False) -> None:
        """Ask the run to stop, from within the program and any thread."""
        self.name, self.done = reason, done

    def check(self, step: int) -> bool:
        """Whether to stop after this step. Ask once a step: where workers train together, all ask and all hear the same."""
        return self.requested

    def slowest(self, seconds: float) -> float:
        """The most seconds that any of the workers which train together gives; its own where this one is alone."""
        return seconds

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let a signal end the block wherever it stands. For long blocks that have nothing to lose.

        Raises:
            InterruptedRunError: a signal arrived in the block or before it.
        """
        self._at_once = True
        try:
            if self.requested and not self.done:
                self._end()
            yield
        finally:
            self._at_once = False

    def _note(self, number: int, _: FrameType | None) -> None:
        self.name, self.done = signal.Signals(number).name, False
        if self._at_once:
            self._end()

    def _end(self) -> NoReturn:
        self._at_once = False
        raise InterruptedRunError(f"stopped by {self.name} before a step was done; run the same command again to continue")


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Catch SIGTERM and SIGINT while the block runs; a second SIGINT ends the process as usual.

    Python delivers signals to the main thread only. In any other thread they are left as they are, and the interruption is
    asked for by `Interruption.ask` alone.
    """
    caught = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

    def first_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        caught._note(number, frame)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, caught._note)
    signal.signal(signal.SIGINT, first_interrupt)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
