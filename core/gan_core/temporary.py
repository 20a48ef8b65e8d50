"""One folder for all temporary files of a command, removed at its end; one that a killed command left is removed by the next.

with temporary_folder():
    app()           # Python, TensorFlow and Beam make their temporary files below $TMPDIR/ganmill-8c1f03aa-4711-5d0a9be1c3f2
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_core.errors import StorageError
from gan_core.ownership import own_name, process_ended
from gan_core.storage import storage_errors

_VARIABLE = "TMPDIR"
_surrounding: list[str] = []
"""The folders for temporary files that were in use before each block of `temporary_folder` that this process is in."""


@contextmanager
def temporary_folder() -> Iterator[None]:
    """Let this process and those that it starts make their temporary files in a folder of its own during the block.

    Raises StorageError if no such folder can be made.
    """
    base, setting, variable = system_folder(), tempfile.tempdir, os.environ.get(_VARIABLE)
    _remove_abandoned(base)
    own = base / own_name()
    with storage_errors(own):
        own.mkdir(mode=0o700)
    _surrounding.append(str(base))
    tempfile.tempdir = os.environ[_VARIABLE] = str(own)
    try:
        yield
    finally:
        _surrounding.pop()
        tempfile.tempdir = setting
        if variable is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = variable
        shutil.rmtree(own, ignore_errors=True)


def system_folder() -> Path:
    """The system's folder for temporary files, for those that may outlive the command.

    Raises StorageError if there is none that can be written.
    """
    if _surrounding:
        return Path(_surrounding[0])
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise StorageError(
            f"no folder for temporary files can be written; free space, or set TMPDIR ({error.strerror})"
        ) from error


def _remove_abandoned(base: Path) -> None:
    """Remove what commands left that were killed on this machine. Folders of other machines, boots and users stay."""
    for path in base.glob("ganmill-*"):
        if process_ended(path.name):
            # Links are not followed, and what belongs to another user refuses.
            shutil.rmtree(path, ignore_errors=True)
