"""The runs of a plan as shell commands, for schedulers: one a line, or one line that chooses by the index of an array job."""

import shlex
from collections.abc import Sequence

from gan_train.sweeps.planning import PlannedRun

INDEX_VARIABLES = (
    "GANMILL_INDEX",
    "JOB_COMPLETION_INDEX",
    "BATCH_TASK_INDEX",
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "SLURM_ARRAY_TASK_ID",
)
"""Environment variables that hold the index of a job, from 0: ours, and those of Kubernetes, Google's and Amazon's batch
services, and Slurm. The first one that is set counts."""

_MISUSE = 2
"""Exit code for an index that no run has, as for any other wrong command line."""


def command_lines(runs: Sequence[PlannedRun]) -> list[str]:
    """A shell command for each run."""
    return [shlex.join(["gan-train", *run.arguments]) for run in runs]


def array_line(runs: Sequence[PlannedRun]) -> str:
    """One line for a POSIX shell that trains the run whose number, from 0, is in one of `INDEX_VARIABLES`."""
    message = f"set one of {' '.join(INDEX_VARIABLES)} to 0 ... {len(runs) - 1}"
    index = f":?{message}"
    for name in reversed(INDEX_VARIABLES):
        index = f"${{{name}{index}}}" if index.startswith(":?") else f"${{{name}:-{index}}}"
    cases = [f"{number}) exec {line};;" for number, line in enumerate(command_lines(runs))]
    other = f"*) echo {shlex.quote(f'error: no run has this index; {message}')} >&2; exit {_MISUSE};;"
    return f'case "{index}" in {" ".join([*cases, other])} esac'
