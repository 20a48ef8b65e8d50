"""The state of a run, read from its folder alone: status.json, the end of metrics.jsonl, the names of what it wrote.

Reading writes nothing and needs no TensorFlow, so it works beside a run, after it, and on another machine.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from gan_core.errors import DataError, DivergenceError, FailedRunError, InterruptedRunError
from gan_core.progress import duration
from gan_core.storage import CloudFolder, Folder
from gan_train.logs.metrics_log import Row, last_rows
from gan_train.logs.status_line import seconds_left
from gan_train.logs.verdict import Verdict, newest_verdict
from gan_train.runs.layout import RECIPE, SAMPLES, STATUS, checkpoint_folder, committed_steps
from gan_train.runs.lease import is_lost
from gan_train.runs.run_folder import Status, read_status

STARTING, TRAINING, DIED = "starting", "training", "died"
"""States of a run that did not end: status.json is not written yet; it says "training"; it does, but the process is gone."""

ERROR = "error"
"""The state of a run that an error ended; status.json has its message and exit code."""

_EXIT_CODES = {
    "diverged": DivergenceError.exit_code,
    "failed": FailedRunError.exit_code,
    "interrupted": InterruptedRunError.exit_code,
    DIED: InterruptedRunError.exit_code,
}
_CONTINUES = "run the same command again to continue"
_WORDS = {
    STARTING: "claimed, no step trained yet",
    "finished": "reached its last step",
    "interrupted": f"a signal stopped it after a checkpoint; {_CONTINUES}",
    "failed": "--on-failure ended it after a checkpoint; with --on-failure warn the same command goes on",
    "diverged": "a loss or gradient was not finite; try a smaller learning rate in a new folder",
}


@dataclass(frozen=True)
class Standing:
    """The state of a run at one moment.

    Attributes:
        run: its folder.
        state: as status.json has it, or STARTING, or DIED.
        words: an explanation of the state.
        step: the newest step that is known.
        steps: the last step; None while starting.
        row: the newest row of metrics.jsonl, or None.
        seconds_left: until the last step, at the pace of the newest rows; None while it is unknown.
        samples: name of the newest sample grid in the folder, or None.
        checkpoint: name of the newest complete checkpoint in the folder, or None.
        verdict: the newest of diagnosis.jsonl, or None.
        quality: what is known of the quality of the images, in a sentence; "" where nobody asked.
        exit_code: of `gan-train watch`: that of the run; 0 while it trains.
        reason: why it finished before its last step, or "".
    """

    run: str
    state: str
    words: str
    step: int
    steps: int | None
    row: Row | None
    seconds_left: float | None
    samples: str | None
    checkpoint: str | None
    verdict: Verdict | None
    exit_code: int
    quality: str = ""
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether the run has ended, in whatever way."""
        return self.state not in (STARTING, TRAINING)


def read_standing(run: Folder) -> Standing:
    """Read the state of a run.

    Raises:
        DataError: the folder holds no run, or a damaged status.json, metrics.jsonl or diagnosis.jsonl.
        StorageError: it cannot be read.
    """
    if not run.exists(RECIPE):
        raise DataError(f"{run.uri}: no run here yet, there is no {RECIPE}; start one with 'gan-train run RECIPE -o {run.uri}'")
    status, state, words = _status_and_state(run)
    rows = last_rows(run)
    row = rows[-1] if rows else None
    return Standing(
        run=run.uri,
        state=state,
        words=words,
        step=max(status.step if status else 0, int(row["step"]) if row else 0),
        steps=status.steps if status else None,
        row=row,
        seconds_left=seconds_left(rows[0], row, status.steps) if row and status else None,
        samples=SAMPLES.newest(run),
        checkpoint=_newest_checkpoint(run),
        verdict=newest_verdict(run),
        exit_code=status.exit_code if status and state == ERROR else _EXIT_CODES.get(state, 0),
        reason=status.reason if status else "",
    )


def read_state(run: Folder) -> str:
    """The state of a run alone; see `Standing`. Raises DataError if status.json is damaged."""
    return _status_and_state(run)[1]


def follow(read: Callable[[], Standing], show: Callable[[Standing], None], wait: Callable[[], None]) -> Standing:
    """Read and show in turn until the run has ended; wait in between."""
    while True:
        standing = read()
        show(standing)
        if standing.ended:
            return standing
        wait()


def _status_and_state(run: Folder) -> tuple[Status | None, str, str]:
    """The content of status.json, the state, and its explanation."""
    status = read_status(run)
    if status is None:
        return None, STARTING, _WORDS[STARTING]
    state, words = _state(status)
    if state == TRAINING and isinstance(run, CloudFolder) and is_lost(run):
        newest = read_status(run)
        # A run uploads its last status before it gives its lease back.
        if newest and newest != status:
            return newest, *_state(newest)
        return status, DIED, f"{_writer(status)} no longer renews its lease: killed, or cut off; {_CONTINUES}"
    return status, state, words


def _state(status: Status) -> tuple[str, str]:
    if status.state == ERROR:
        return ERROR, status.error
    if status.reason:
        return status.state, f"ended by --stop-when: {status.reason}"
    if status.state != TRAINING:
        return status.state, _WORDS.get(status.state, "")
    process = _writer(status)
    if status.host != socket.gethostname():
        silence = duration(max(0.0, time.time() - status.time))
        return TRAINING, f"by {process}, which wrote {STATUS} {silence} ago; from here it cannot be seen whether it lives"
    if _lives(status.pid, status.time):
        return TRAINING, f"by {process}"
    return DIED, f"{process} is gone without having finished: killed, or ended by an error it printed; {_CONTINUES}"


def _writer(status: Status) -> str:
    return f"process {status.pid} on {status.host}"


def _lives(pid: int, wrote: float) -> bool:
    """Whether the process of this host that wrote at that time still runs; its number may belong to another process by now."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < wrote
    except psutil.NoSuchProcess:
        return False


def _newest_checkpoint(run: Folder) -> str | None:
    steps = committed_steps(run)
    return checkpoint_folder(steps[-1]) if steps else None
