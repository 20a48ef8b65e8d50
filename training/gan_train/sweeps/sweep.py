"""Training planned runs: what is done is left as it is, the rest is trained, and the end of each is told.

swept = train_runs(plan_sweep(read_sweep("rates.yaml"), "sweeps/rates"), "sweeps/rates", jobs=2)
assert swept.exit_code == 0, swept.lines()
"""

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from gan_core.errors import FailedRunError, InterruptedRunError, UsageError
from gan_core.interruption import interruption
from gan_core.notices import say, warn
from gan_core.storage import WORK, LocalFolder, open_folder
from gan_train.runs.holding import is_held, locked
from gan_train.runs.run_folder import as_recorded, check_record, holds_run, read_status
from gan_train.sweeps.memory import memory_words
from gan_train.sweeps.planning import PlannedRun
from gan_train.sweeps.processes import Ended, run_processes

State = Literal["finished before", "finished", "to continue", "new", "failed", "interrupted"]

_LOCK = f"{WORK}/sweep-lock"


@dataclass(frozen=True)
class SweptRun:
    """A run of a sweep, before or after it was trained.

    Attributes:
        run: the plan.
        state: "new" and "to continue" are not finished yet.
        code: exit code of its process, or minus the number of the signal that killed it; None if none began.
        message: the error that ended it, or "".
    """

    run: PlannedRun
    state: State
    code: int | None = None
    message: str = ""

    @property
    def words(self) -> str:
        """The state, with the exit code and the error of a failed run."""
        if self.state != "failed":
            return self.state
        assert self.code is not None
        how = f"killed by {signal.Signals(-self.code).name}" if self.code < 0 else f"exit code {self.code}"
        return f"failed, {how}{f': {self.message}' if self.message else ''}"


@dataclass(frozen=True)
class Swept:
    """All runs of a sweep.

    Attributes:
        out: folder of the run folders.
        runs: in the order of the plan.
    """

    out: str
    runs: tuple[SweptRun, ...]

    @property
    def failed(self) -> tuple[SweptRun, ...]:
        """The runs that ended with an error."""
        return tuple(one for one in self.runs if one.state == "failed")

    @property
    def exit_code(self) -> int:
        """0 if no run failed; the exit code of those that did if they have one in common; 4 if they do not."""
        codes = {one.code for one in self.failed}
        common = codes.pop() if len(codes) == 1 else None
        return 0 if not self.failed else common if common and common > 0 else FailedRunError.exit_code

    def lines(self) -> list[str]:
        """A table with a line for each run, and a line that counts them."""
        longest = max(len(one.run.name) for one in self.runs)
        counts = Counter(one.state for one in self.runs)
        rows = [f"{one.run.name:<{longest}}  seed {one.run.seed:<4} {one.words}" for one in self.runs]
        return [*rows, f"{len(self.runs)} runs: " + ", ".join(f"{count} {state}" for state, count in counts.items())]

    def document(self) -> dict[str, Any]:
        """The document for --json."""
        runs = [
            {
                "name": one.run.name,
                "variant": one.run.variant,
                "seed": one.run.seed,
                "run": one.run.folder,
                "state": one.state,
                "exit_code": one.code,
                "error": one.message or None,
            }
            for one in self.runs
        ]
        return {"out": self.out, "runs": runs}


def survey(planned: Sequence[PlannedRun], out: str) -> Swept:
    """Where each run of a plan stands, from the folders alone.

    Raises:
        UsageError: a recipe does not fit the dataset, or a folder holds another run than the plan; nothing is changed then.
        DataError: there is no dataset, or a run is damaged.
        StorageError: a folder cannot be read.
    """
    from gan_train.data.dataset import open_dataset

    if holds_run(open_folder(out)):
        raise UsageError(f"{out}: is a run folder itself; choose another folder with -o")
    digests: dict[str, str] = {}
    found = []
    for run in planned:
        digests.setdefault(run.data, open_dataset(run.data, run.recipe).manifest.digest)
        found.append(SweptRun(run, _state(run, digests[run.data])))
    return Swept(out, tuple(found))


def _state(run: PlannedRun, digest: str) -> State:
    folder = open_folder(run.folder)
    check_record(folder, as_recorded(run.recipe, folder), run.data, digest)
    if not holds_run(folder):
        return "new"
    status = read_status(folder)
    finished = status is not None and status.state == "finished" and status.steps >= run.recipe.steps
    return "finished before" if finished else "to continue"


def train_runs(planned: Sequence[PlannedRun], out: str, jobs: int = 1) -> Swept:
    """Train the runs of a plan that are not finished, each in a process of its own.

    A run that fails stops no other. SIGTERM and Ctrl-C let each run commit a checkpoint.

    Args:
        planned: the runs.
        out: folder of the run folders.
        jobs: runs at a time.

    Raises:
        InterruptedRunError: SIGTERM arrived; the same call continues.
        KeyboardInterrupt: Ctrl-C; the same.
        UsageError, DataError, StorageError: as `survey`; or another sweep is at work in the folder.
    """
    before = survey(planned, out)
    with _held(out):
        waiting = [one.run for one in before.runs if one.state != "finished before"]
        if jobs > 1 and waiting:
            words, scarce = memory_words([run.folder for run in planned], min(jobs, len(waiting)))
            (warn if scarce else say)(words)
        with interruption() as caught:
            ended = run_processes(waiting, jobs, caught, _Patience())
        left = sum(one.name not in ended for one in waiting) + sum(bool(end.code) for end in ended.values())
        if caught.name == "SIGINT" and left:
            # The command's own handler tells of it; a program gets KeyboardInterrupt, as from any other call.
            signal.raise_signal(signal.SIGINT)
        if caught.requested and left:
            raise InterruptedRunError(f"{caught.name}: {left} of {len(planned)} runs are left; the same command continues")
        return Swept(out, tuple(_after(one, ended.get(one.run.name)) for one in before.runs))


def _after(before: SweptRun, end: Ended | None) -> SweptRun:
    if end is None:
        return before
    state: State = "failed" if end.code else "finished"
    return SweptRun(before.run, state, end.code, end.message)


class _Patience:
    """Tells once of each run that waits because another process trains in its folder."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, run: PlannedRun) -> bool:
        folder = open_folder(run.folder)
        held = isinstance(folder, LocalFolder) and is_held(folder)
        if held and run.name not in self._told:
            self._told.add(run.name)
            say(f"{run.name}: waits for another process that trains in its folder")
        return held


@contextmanager
def _held(out: str) -> Iterator[None]:
    """Hold a local folder against a second sweep. On gs:// each run is held by its own lease."""
    folder = open_folder(out)
    if not isinstance(folder, LocalFolder):
        yield
        return
    with locked(folder, _LOCK, "another sweep is at work here; wait for it, or choose another -o"):
        yield
