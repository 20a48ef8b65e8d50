"""`gan_train.sweep`: a sweep from Python."""

import os
from collections.abc import Sequence
from contextlib import nullcontext

from gan_core.errors import check_least
from gan_core.notices import shown
from gan_train.sweeps.document import read_sweep
from gan_train.sweeps.planning import plan_sweep
from gan_train.sweeps.sweep import Swept, train_runs


def sweep(
    file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    jobs: int = 1,
    short: bool = False,
    options: Sequence[str] = (),
    progress: bool = False,
) -> Swept:
    """Train the runs that a file names, each in a process of its own, or go on with them. Does the same as `gan-train sweep`.

    Args:
        file: the YAML file; docs/guides/sweeps.md has its keys.
        out: folder of the run folders, a path or gs:// URI.
        jobs: runs at a time.
        short: take the recipe's own overrides for a training of minutes.
        options: further options of each `gan-train run`, as on the command line: ["--on-failure", "stop"].
        progress: show the messages of the runs on stderr.

    Returns:
        The end of each run in `runs`, those that failed in `failed`. A run that fails raises nothing.

    Raises:
        UsageError: the file, a recipe or the dataset does not fit, or `out` holds other runs than the file names.
        DataError: there is no dataset, or a run is damaged.
        StorageError: a folder cannot be read or written.
        InterruptedRunError: SIGTERM arrived; the same call continues.
    """
    check_least(1, jobs=jobs)
    planned = plan_sweep(read_sweep(os.fspath(file)), os.fspath(out), short, options)
    with shown() if progress else nullcontext():
        return train_runs(planned, os.fspath(out), jobs)
