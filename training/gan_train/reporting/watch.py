"""Where a run stands, read from its folder alone: status.json, the end of metrics.jsonl, the names of what it wrote.

Nothing is written and TensorFlow is not needed, so it works beside a run, after it, and on another machine.
"""

import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

from gan_pipeline.counting import duration
from gan_pipeline.errors import DataError, DivergenceError, FailedRunError, InterruptedRunError
from gan_pipeline.storage import Folder
from gan_train.reporting.metrics_log import Row, last_rows
from gan_train.reporting.status_line import seconds_left
from gan_train.reporting.verdict import Verdict, newest_verdict
from gan_train.runs.run_folder import RECIPE, SAMPLES, STATUS

STARTING, TRAINING, DIED = "starting", "training", "died"
"""The states that status.json does not end with: not written yet, running, and running no more though it says so."""

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
    """Where a run stands.

    Attributes:
        run: its folder.
        state: as status.json has it, or STARTING, or DIED.
        words: what more there is to say of the state.
        step: the newest that is known of.
        steps: to train to; None while starting.
        row: the newest of metrics.jsonl, if there is one.
        seconds_left: to train to the last step, at the pace of the newest rows.
        samples: newest sample grid, relative to the folder.
        checkpoint: newest complete checkpoint, relative to the folder.
        verdict: the newest of diagnosis.jsonl, if there is one.
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

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in (STARTING, TRAINING)

    @property
    def exit_code(self) -> int:
        """Of `gan-train watch`: that of the run, 0 while it trains."""
        return _EXIT_CODES.get(self.state, 0)


def read_standing(run: Folder) -> Standing:
    """Read where a run stands.

    Raises:
        DataError: the folder holds no run, or a damaged status.json, metrics.jsonl or diagnosis.jsonl.
        StorageError: it cannot be read.
    """
    if not run.exists(RECIPE):
        raise DataError(f"{run.uri}: no run here yet, there is no {RECIPE}; start one with 'gan-train run RECIPE -o {run.uri}'")
    status = _status(run)
    rows = last_rows(run)
    row = rows[-1] if rows else None
    state, words = _state(status)
    return Standing(
        run=run.uri,
        state=state,
        words=words,
        step=max(status.get("step", 0), int(row["step"]) if row else 0),
        steps=status.get("steps"),
        row=row,
        seconds_left=seconds_left(rows[0], row, status["steps"]) if row and status else None,
        samples=max(run.names(f"{SAMPLES}/"), default=None),
        checkpoint=_newest_checkpoint(run),
        verdict=newest_verdict(run),
    )


def read_state(run: Folder) -> str:
    """The state alone; see `Standing`. Raises DataError at a damaged status.json."""
    return _state(_status(run))[0]


def follow(read: Callable[[], Standing], show: Callable[[Standing], None], wait: Callable[[], None]) -> Standing:
    """Read and show in turn until the run has ended; wait in between."""
    while True:
        standing = read()
        show(standing)
        if standing.ended:
            return standing
        wait()


def _status(run: Folder) -> dict[str, Any]:
    if not run.exists(STATUS):
        return {}
    try:
        status: dict[str, Any] = json.loads(run.read(STATUS))
        if {"state", "step", "steps", "pid", "host", "time"} <= status.keys():
            return status
    except (ValueError, AttributeError):
        pass
    raise DataError(f"{run.locate(STATUS)}: damaged; it is written anew when the run goes on")


def _state(status: dict[str, Any]) -> tuple[str, str]:
    state = status.get("state", STARTING)
    if state != TRAINING:
        return state, _WORDS.get(state, "")
    process = f"process {status['pid']} on {status['host']}"
    if status["host"] != socket.gethostname():
        silence = duration(max(0.0, time.time() - status["time"]))
        return TRAINING, f"by {process}, which wrote status.json {silence} ago; from here it cannot be seen whether it lives"
    if _lives(status["pid"], status["time"]):
        return TRAINING, f"by {process}"
    return DIED, f"{process} is gone without having finished: killed, or ended by an error it printed; {_CONTINUES}"


def _lives(pid: int, wrote: float) -> bool:
    """Whether a process of this host that wrote something at a time is still there; its number may be another's by now."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < wrote
    except psutil.NoSuchProcess:
        return False


def _newest_checkpoint(run: Folder) -> str | None:
    # As checkpoint.py names them; importing it would import Keras.
    found = (re.fullmatch(r"(checkpoints/step-\d{8,})/COMMIT", name) for name in run.names("checkpoints/step-"))
    return max((match[1] for match in found if match), default=None)
