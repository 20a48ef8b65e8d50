"""Waiting for other processes: until something is true, or until one of them has said something."""

import subprocess
import threading
import time
from collections.abc import Callable

_LOOK_SECONDS = 0.2


def until(true: Callable[[], object], seconds: float, words: str) -> float:
    """Wait until something is true; return how many seconds that took. Raises AssertionError with `words` if it stays false."""
    started = time.monotonic()
    while not true():
        taken = time.monotonic() - started
        assert taken < seconds, f"not within {seconds:g} s: {words}"
        threading.Event().wait(_LOOK_SECONDS)
    return time.monotonic() - started


class Said:
    """The lines that a process writes to the pipe of its stderr, read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self._lines: list[str] = []
        self._pipe = process.stderr
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._pipe:
            self._lines.append(line)

    @property
    def text(self) -> str:
        """All lines so far."""
        return "".join(self._lines)

    def wait_for(self, words: str, seconds: float = 180) -> None:
        """Wait until the process has written these words. Raises AssertionError that quotes its last lines if it does not."""
        try:
            until(lambda: words in self.text, seconds, words)
        except AssertionError as error:
            raise AssertionError(f"{error}; its last lines:\n{''.join(self._lines[-20:])}") from None
