"""A job: a job file, the command that it runs, and what follows from both whatever the target is."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gan_core.doctor.check import UNFIT
from gan_core.errors import UsageError
from gan_core.watchdog import HUNG

if TYPE_CHECKING:
    from gan_core.jobs.spec import JobSpec

FINAL_CODES = (2, 3, 4, UNFIT)
"""Exit codes that come back with every attempt: wrong command line, wrong data, training diverged or failed, unfit machine."""

INTERRUPTED = 75
"""The exit code after a signal or the loss of a worker."""

STORAGE_REFUSED = 5
"""The exit code after an outage of the storage or missing rights."""

RETRIED_CODES = (STORAGE_REFUSED, INTERRUPTED, HUNG)
"""Exit codes that another attempt may not bring back."""

PORT = 2222
"""The port at which the workers of one job meet."""

SECRET, SECRET_FILE = "GANMILL_SECRET", "GANMILL_SECRET_FILE"
"""Environment variables of the secret by which workers know each other: itself, or the path or gs:// URI of its file."""

CACHE = "/cache"
"""The folder of the image that may be written: the cache of runs on gs:// and temporary files."""

LAUNCHER = ("python", "-m", "gan_core.jobs.launch")
"""The command in the container that looks at the machine, tells the program its place among the workers, and starts it."""

INDEX = "{index}"
"""This stands in the command for the number of the task, from 0, in an array job."""

_DIGEST_CHARACTERS = 8
"""The number of characters of the digest in the name of a job."""


@dataclass(frozen=True)
class Array:
    """Tasks that run the same command, each with a number of its own.

    Attributes:
        tasks: how many there are.
        at_once: how many of them run at the same time.
    """

    tasks: int
    at_once: int


@dataclass(frozen=True)
class Job:
    """A command as a job.

    Attributes:
        spec: where and how it runs.
        program: gan-train or gan-pipeline, for labels.
        command: what is run, exactly: a program and its arguments.
        array: the tasks of an array job, None for all other jobs.
        doctor: the arguments with which the program looks at the machine and its rights first; none starts it at once.
    """

    spec: "JobSpec"
    program: str
    command: tuple[str, ...]
    array: Array | None = None
    doctor: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError where job file, command and array contradict each other."""
        if self.array and self.spec.workers > 1:
            raise UsageError("the tasks of an array have one worker each; set workers to 1")
        given = {*self.spec.environment, *self.spec.secrets}
        if self.program == "gan-train" and self.spec.workers > 1 and not given & {SECRET, SECRET_FILE}:
            raise UsageError(
                f"workers on several machines know each other by a secret: name one under secrets, such as {SECRET}: "
                f"cluster-secret, or set {SECRET_FILE} under environment; see docs/guides/several-hosts.md"
            )
        if SECRET in self.spec.environment:
            raise UsageError(f"{SECRET} stands under environment, where everybody can read it; move it to secrets")
        if self.seconds < 60:
            raise UsageError(
                f"the maximum of hours and cost leaves {self.seconds} seconds for a job; give it at least a minute"
            )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that decides what the job does, in hexadecimal digits."""
        array = (self.array.tasks, self.array.at_once) if self.array else None
        parts = [self.spec.model_dump(mode="json"), self.program, self.command, array, self.doctor]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def name(self) -> str:
        """The name of the job in its target.

        It holds the digest, so that a job that is submitted twice by mistake is refused instead of paid for twice. A
        scheduled job bears the name alone: a changed one takes the place of the one before.
        """
        return self.spec.name if self.spec.schedule else f"{self.spec.name}-{self.digest[:_DIGEST_CHARACTERS]}"

    def launched(self, retries: int = 0) -> tuple[str, ...]:
        """The first process of a container: the launcher with all that it starts.

        Args:
            retries: how often the launcher starts the command again, where the target does not.
        """
        repeated = (f"--retries={retries}",) if retries else ()
        examined = tuple(f"--doctor={argument}" for argument in ((self.program, "doctor", *self.doctor) if self.doctor else ()))
        return (*LAUNCHER, *repeated, *examined, *self.command)

    @property
    def machines(self) -> int:
        """Workers, or tasks of an array, that the cost is for."""
        return self.array.tasks if self.array else self.spec.workers

    @property
    def seconds(self) -> int:
        """For how long each worker or task may run, all attempts together."""
        limits = [self.spec.maximum.hours or float("inf")]
        if self.spec.maximum.cost is not None and self.spec.price_per_hour is not None:
            limits.append(self.spec.maximum.cost / (self.spec.price_per_hour * self.machines))
        return int(min(limits) * 3600)

    @property
    def seconds_per_attempt(self) -> int:
        """The same for each of `retries` + 1 attempts, where the target limits only those."""
        return self.seconds // (self.spec.retries + 1)

    @property
    def highest_cost(self) -> float | None:
        """The highest cost of the job, None if no price is known."""
        return self.spec.price_per_hour and self.spec.price_per_hour * self.machines * self.seconds / 3600

    @property
    def summary(self) -> str:
        """The limits of the job in one line."""
        cost = "" if self.highest_cost is None else f", {self.highest_cost:,.2f} at {self.spec.price_per_hour:g} an hour each"
        what = f"{self.machines} task" if self.array else f"{self.machines} worker"
        return f"{self.name}: {what}{'s' if self.machines > 1 else ''}, at most {self.seconds / 3600:.4g} hours{cost}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that every target sets, those of the job file last."""
        own = {"GANMILL_RUN_CACHE": CACHE, "TMPDIR": CACHE, "HOME": CACHE, "PYTHONUNBUFFERED": "1"}
        return own | self.spec.environment
