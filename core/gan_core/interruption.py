"""SIGTERM and SIGINT as a wish to stop, granted at the next safe point."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether, and by which signal or other reason, the run was asked to stop."""

    name: str = ""

    @property
    def requested(self) -> bool:
        """It was."""
        return bool(self.name)

    def ask(self, reason: str) -> None:
        """Ask the run to stop, from within the program and any thread."""
        self.name = reason

    def check(self, step: int) -> bool:
        """Whether to stop after this step. Ask once a step: where workers train together, all ask and all hear the same."""
        return self.requested

    def _note(self, number: int, _: FrameType | None) -> None:
        self.name = signal.Signals(number).name


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Catch SIGTERM and SIGINT while the block runs; a second SIGINT ends the process as usual."""
    wish = Interruption()

    def first_interrupt(number: int, frame: FrameType | None) -> None:
        wish._note(number, frame)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, wish._note)
    signal.signal(signal.SIGINT, first_interrupt)
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
