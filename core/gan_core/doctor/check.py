"""The result of a check, and how checks are run: each for itself, within a time limit, whatever another one found."""

import contextvars
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from threading import enumerate as enumerate_threads
from typing import Literal

from gan_core.errors import GanmillError, InterruptedRunError, StorageOutageError

UNFIT = 6
"""The exit code with which a job ends whose machine or rights are not as they need to be: another attempt changes nothing."""

_THREAD = "doctor: "
"""The beginning of the names of the threads in which checks run."""

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Result:
    """The outcome of a check.

    Attributes:
        state: "warning" for what may be meant, "failed" for what would end the work.
        found: what was found, in words and numbers.
        advice: what to do about it; "" where all is well.
        may_pass: whether a failure may be gone at the next attempt without a change, as an outage of the storage.
    """

    state: State
    found: str
    advice: str = ""
    may_pass: bool = False


@dataclass(frozen=True)
class Check:
    """A check of one thing.

    Attributes:
        name: of what is checked, such as "disk".
        look: looks, and tells the result. It may raise GanmillError, whose message is then what was found.
        late: the state of a check that does not end in time: "warning" where a slow machine is a likely reason.
    """

    name: str
    look: Callable[[], Result]
    late: State = "failed"


@dataclass(frozen=True)
class Checked:
    """A check that was made: its name, its result, and the seconds that it took."""

    name: str
    result: Result
    seconds: float


def run_checks(checks: Sequence[Check], limit: float) -> Iterator[Checked]:
    """Make checks one after the other, and yield each as soon as it is done.

    A check that hangs is left behind in its thread when the time is over; those after it still get a second each.

    Args:
        checks: in this order.
        limit: seconds for all of them together.
    """
    end = time.monotonic() + limit
    for check in checks:
        began = time.monotonic()
        yield Checked(check.name, _result(check, max(1.0, end - began)), time.monotonic() - began)


def is_hanging() -> bool:
    """Whether a check that did not end in time still runs in its thread."""
    return any(thread.name.startswith(_THREAD) for thread in enumerate_threads())


def _result(check: Check, seconds: float) -> Result:
    ended: Future[Result] = Future()
    context = contextvars.copy_context()

    def look() -> None:
        try:
            ended.set_result(context.run(check.look))
        except BaseException as error:  # whatever it is, it belongs to the thread that waits
            ended.set_exception(error)

    # A daemon: a check that hangs must not hold up the end of the process.
    thread = Thread(target=look, daemon=True, name=f"{_THREAD}{check.name}")
    thread.start()
    try:
        result = ended.result(seconds)
        thread.join()
        return result
    except GanmillError as error:
        found, _, advice = str(error).partition("; ")
        return Result("failed", found, advice, isinstance(error, StorageOutageError | InterruptedRunError))
    except TimeoutError:
        if ended.done():
            raise
        advice = "this machine is slow or busy, or the check hangs: see what it waits for"
        return Result(check.late, f"did not end within {seconds:.0f} seconds", advice, may_pass=True)
