"""The checkpoint of another run that a new run takes its first weights from: --init-from RUN or RUN@STEP."""

import re
from dataclasses import dataclass

from gan_core.errors import DataError, UsageError
from gan_core.storage import Folder, open_folder
from gan_train.runs.ancestry import Ancestor
from gan_train.runs.commits import Commit, read_commit
from gan_train.runs.layout import committed_steps
from gan_train.runs.run_folder import RunRecord, check_digest, read_record


@dataclass(frozen=True)
class Parent:
    """The options of a command that name where the first weights come from.

    Attributes:
        run: the other run's folder, a path or gs:// URI.
        step: of its checkpoint; None is the newest.
        players: names of the players whose weights are taken; none means all.
        optimizers: whether the state of their optimizers is taken, too.
    """

    run: str
    step: int | None
    players: tuple[str, ...]
    optimizers: bool


@dataclass(frozen=True)
class Origin:
    """A checkpoint that is there.

    Attributes:
        folder: its run.
        record: what the run is.
        step: its step.
        commit: its COMMIT.
    """

    folder: Folder
    record: RunRecord
    step: int
    commit: Commit


def read_parent(init_from: str | None, players: tuple[str, ...], optimizers: bool) -> Parent | None:
    """The options --init-from, --init-players and --init-optimizers; None without the first.

    Raises:
        UsageError: there are the others without --init-from.
    """
    if init_from is None:
        if players or optimizers:
            raise UsageError("--init-players and --init-optimizers say what --init-from RUN takes; name a run")
        return None
    named = re.fullmatch(r"(.+)@(\d{1,18})", init_from)
    run, step = (named[1], int(named[2])) if named else (init_from, None)
    return Parent(run, step, players, optimizers)


def find_origin(parent: Parent) -> Origin:
    """The checkpoint that is meant.

    Raises:
        DataError: there is no run, or it has no checkpoint; or one of them is damaged.
        UsageError: it has no checkpoint of that step.
        StorageError: it cannot be read.
    """
    folder = open_folder(parent.run)
    record, steps = read_record(folder), committed_steps(folder)
    check_digest(folder, record)
    if not steps:
        raise DataError(f"{parent.run}: has no checkpoint to take weights from")
    if parent.step is not None and parent.step not in steps:
        known = ", ".join(map(str, steps))
        raise UsageError(f"--init-from {parent.run}@{parent.step}: no checkpoint of that step; there are: {known}")
    step = steps[-1] if parent.step is None else parent.step
    return Origin(folder, record, step, read_commit(folder, step))


def as_begun(given: Parent | None, record: RunRecord, where: str) -> Parent | None:
    """Where the first weights of a run that has begun came from, as a request for them.

    Args:
        given: by the command that continues the run; None leaves it to the run.
        record: of the run.
        where: the run's folder, for messages.

    Raises:
        UsageError: the run began otherwise than `given` says.
    """
    if not record.ancestry:
        if given:
            raise UsageError(f"{where}: began without --init-from; choose another folder with -o")
        return None
    nearest = record.ancestry[0]
    if given and (given.run != nearest.run or given.step not in (None, nearest.step)):
        raise UsageError(
            f"{where}: began from {nearest.run}@{nearest.step}; leave --init-from out, or choose another folder with -o"
        )
    return given or Parent(nearest.run, nearest.step, nearest.players, bool(nearest.optimizers))


def check_unchanged(origin: Origin, ancestor: Ancestor, where: str) -> None:
    """Check that a checkpoint is the one that a run's record names.

    Raises:
        DataError: it is another one.
    """
    if origin.commit.files.variables != ancestor.variables:
        raise DataError(
            f"{where}: began from {ancestor}, whose checkpoint has changed since; put it back, or start a new run in another "
            "folder"
        )


def init_options(record: RunRecord) -> list[str]:
    """The options that take a run's first weights from where they came from; none if they were random."""
    if not record.ancestry:
        return []
    nearest = record.ancestry[0]
    optimizers = ["--init-optimizers"] if nearest.optimizers else []
    return ["--init-from", f"{nearest.run}@{nearest.step}", "--init-players", ",".join(nearest.players), *optimizers]
