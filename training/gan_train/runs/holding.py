"""Holding a run folder, so that one process at a time trains in it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from gan_core.errors import UsageError
from gan_core.interruption import Interruption
from gan_core.storage import WORK, CloudFolder, LocalFolder
from gan_train.runs.mirror import mirrored

_LOCK = f"{WORK}/lock"


@contextmanager
def hold_run(run: LocalFolder | CloudFolder, interruption: Interruption) -> Iterator[LocalFolder]:
    """Hold the run folder for this process, and yield the folder to train in: itself, or the mirror of one on gs://.

    Raises:
        UsageError: another process trains in it.
        StorageError, InterruptedRunError: as `mirrored` says.
    """
    if isinstance(run, LocalFolder):
        with locked(run, _LOCK, "another process trains in this folder; wait for it or choose another -o"):
            yield run
        return
    with mirrored(run, interruption) as mirror:
        yield mirror


@contextmanager
def locked(folder: LocalFolder, name: str, refusal: str) -> Iterator[None]:
    """Hold a lock file of a folder during the block.

    Args:
        folder: the folder.
        name: the name of the lock file, below the folder for temporary files.
        refusal: the rest of the message if another process holds it.

    Raises:
        UsageError: another process holds it.
    """
    folder.write(f"{WORK}/README", b"Temporary files of a running gan-train; safe to remove when none runs.\n")
    file: IO[bytes]
    with open(folder.path / name, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"{folder.uri}: {refusal}") from error
        yield


def is_held(run: LocalFolder) -> bool:
    """Whether a process trains in a folder on this machine now."""
    try:
        with open(run.path / _LOCK, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
