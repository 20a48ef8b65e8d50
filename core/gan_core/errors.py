"""Errors that a user can act on. Each message says what is wrong, where, and what to do next; each class has an exit code."""

import re
from typing import ClassVar

from gan_core.text import printable_lines


class GanmillError(Exception):
    """The base class of all errors that end a command with one message and no traceback.

    `title` opens that message. As text, control characters of names and files that it quotes are escaped.
    """

    exit_code: ClassVar[int] = 1
    title: ClassVar[str] = "error"

    def __str__(self) -> str:
        return printable_lines(super().__str__())


class UsageError(GanmillError):
    """The command line or the recipe is wrong."""

    exit_code = 2


class DataError(GanmillError):
    """The data is corrupt, missing, or not what the manifest says."""

    exit_code = 3


class DivergenceError(GanmillError):
    """The training produced a number that is not finite."""

    exit_code = 4


class FailedRunError(GanmillError):
    """The training failed in a way that its log shows, such as mode collapse, and `--on-failure stop` was given."""

    exit_code = 4


class StorageError(GanmillError):
    """The storage refused a request: the file was not found, rights are missing, or no space is left."""

    exit_code = 5


class StorageOutageError(StorageError):
    """The storage could not be reached while a request was repeated. Unlike other refusals this may pass without a change."""


class SubmissionError(GanmillError):
    """A cluster or a cloud refused a job, or could not be reached."""

    exit_code = 5


class InterruptedRunError(GanmillError):
    """A signal stopped the work, or a worker was lost. What is committed is kept; the same command continues."""

    exit_code = 75
    title = "interrupted"


class TemplateOnlyError(GanmillError):
    """A template of the job was written, as the runner was asked to, and no dataset. A command ends well with that."""

    exit_code = 0
    title = "note"


class UnusableInputError(Exception):
    """An input that cannot become an example. It is dropped, logged and counted, and ends no command by itself.

    Attributes:
        stage: where it failed: "storage", "decode", "crop", "pair" or "face".
        reason: short and stable, as a counter's name, such as "corrupt or cut off".
        detail: what more is known about this one.
    """

    def __init__(self, stage: str, reason: str, detail: str = "") -> None:
        super().__init__(stage, reason, detail)
        self.stage, self.reason, self.detail = stage, reason, detail

    def __str__(self) -> str:
        return printable_lines(f"{self.reason} ({self.detail})" if self.detail else self.reason)


def check_least(least: int, **arguments: int | None) -> None:
    """Raise UsageError that names the first argument below `least`; None is not checked."""
    for name, value in arguments.items():
        if value is not None and value < least:
            raise UsageError(f"{name}={value}: at least {least}")


EXIT_CODES: dict[int, type[GanmillError]] = {
    kind.exit_code: kind for kind in (UsageError, DataError, DivergenceError, StorageError, InterruptedRunError)
}


_MARK = re.compile(r"<ganmill (\d+)>(.*?)</ganmill>", re.DOTALL)


def mark(error: GanmillError) -> str:
    """The error as text that `unmark` turns back: Beam runners pass on the messages of exceptions, but not their types."""
    return f"<ganmill {error.exit_code}>{error}</ganmill>"


def unmark(text: str) -> GanmillError | None:
    """The first error that `mark` put into the message of a runner, or None."""
    found = _MARK.search(text)
    return EXIT_CODES[int(found[1])](found[2]) if found else None
