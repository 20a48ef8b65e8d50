"""How many steps the device takes in one call, by the clock: a request to stop waits for the end of a call."""

CALL_SECONDS = 2.0
"""Seconds that a call of several steps is to take at most. A cloud takes a machine back 15 to 30 seconds after its notice."""


class Pace:
    """Measures the steps of a session. It begins with single steps, of which the first one is compiled and says nothing.

    Attributes:
        compiled: whether there was a call.
    """

    def __init__(self) -> None:
        self.compiled, self._step_seconds = False, float("inf")

    def steps(self, left: int) -> int:
        """Number of steps of the next call, if so many are left until something else is due."""
        return max(1, min(left, int(CALL_SECONDS / self._step_seconds)))

    def note(self, step_seconds: float) -> None:
        """Tell it the seconds of a step of the last call: of the slowest worker, so that all take the same number."""
        if self.compiled:
            self._step_seconds = max(step_seconds, 1e-6)
        self.compiled = True
