"""Errors a user can act on. Each says what, where and what to do next, and carries the documented exit code."""

import re
from typing import ClassVar


class GanmillError(Exception):
    """Base of all errors that end a command with one message and no traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(GanmillError):
    """The command line or the recipe is wrong."""

    exit_code = 2


class DataError(GanmillError):
    """The data is corrupt, missing, or not what the manifest says."""

    exit_code = 3


class DivergenceError(GanmillError):
    """Training produced a number that is not finite."""

    exit_code = 4


class FailedRunError(GanmillError):
    """Training failed in a way that its log shows, such as mode collapse, and was to stop then."""

    exit_code = 4


class StorageError(GanmillError):
    """The storage refused: not found, no rights, no space."""

    exit_code = 5


class StorageOutageError(StorageError):
    """The storage did not answer for as long as it was asked, which may pass; any other refusal will not."""


class InterruptedRunError(GanmillError):
    """A signal arrived, or a worker was lost or never came; what was committed is kept. The same command continues."""

    exit_code = 75


class UnusableInputError(Exception):
    """One input that cannot become an example: dropped, logged and counted. It ends no command by itself.

    Attributes:
        stage: where it failed: "storage", "decode", "crop", "pair" or "face".
        reason: short and stable, as a counter's name, such as "corrupt or cut off".
        detail: what more is known about this one.
    """

    def __init__(self, stage: str, reason: str, detail: str = "") -> None:
        super().__init__(stage, reason, detail)
        self.stage, self.reason, self.detail = stage, reason, detail

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


EXIT_CODES: dict[int, type[GanmillError]] = {
    kind.exit_code: kind for kind in (UsageError, DataError, DivergenceError, StorageError, InterruptedRunError)
}


_MARK = re.compile(r"<ganmill (\d+)>(.*?)</ganmill>", re.DOTALL)


def mark(error: GanmillError) -> str:
    """An error as text that survives a trip through any Beam runner, which pass on messages but not types."""
    return f"<ganmill {error.exit_code}>{error}</ganmill>"


def unmark(text: str) -> GanmillError | None:
    """The first error that `mark` put into a runner's message, or None."""
    found = _MARK.search(text)
    return EXIT_CODES[int(found[1])](found[2]) if found else None
