"""One folder for all temporary files of a command or call, removed at its end; what a killed one left, the next removes.

with temporary_folder():
    app()           # Python, TensorFlow and Beam make their temporary files below $TMPDIR/ganmill-8c1f03aa-4711-5d0a9be1c3f2
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gan_core.errors import StorageError
from gan_core.ownership import own_name, process_ended
from gan_core.storage import storage_errors

_VARIABLE = "TMPDIR"


@dataclass
class _Use:
    """The folder that is in use, how many blocks use it, and the settings of the process before."""

    base: Path
    own: Path
    setting: str | None
    variable: str | None
    blocks: int = 1


_lock = threading.Lock()
_in_use: list[_Use] = []
"""Empty or one: the setting belongs to the whole process, so that blocks inside one another or in other threads share it."""


@contextmanager
def temporary_folder() -> Iterator[None]:
    """Let this process and those that it starts make their temporary files in a folder of its own during the block.

    A block within another one, or beside it in another thread, has the same folder; it is removed after the last of them.

    Raises StorageError if no such folder can be made.
    """
    with _lock:
        if _in_use:
            _in_use[0].blocks += 1
        else:
            _in_use.append(_begin())
    try:
        yield
    finally:
        with _lock:
            _in_use[0].blocks -= 1
            if not _in_use[0].blocks:
                _end(_in_use.pop())


def _begin() -> _Use:
    base = system_folder()
    _remove_abandoned(base)
    own = base / own_name()
    with storage_errors(own):
        own.mkdir(mode=0o700)
    use = _Use(base, own, tempfile.tempdir, os.environ.get(_VARIABLE))
    tempfile.tempdir = os.environ[_VARIABLE] = str(own)
    return use


def _end(use: _Use) -> None:
    tempfile.tempdir = use.setting
    if use.variable is None:
        del os.environ[_VARIABLE]
    else:
        os.environ[_VARIABLE] = use.variable
    shutil.rmtree(use.own, ignore_errors=True)


def system_folder() -> Path:
    """The system's folder for temporary files, for those that may outlive the command.

    Raises StorageError if there is none that can be written.
    """
    if _in_use:
        return _in_use[0].base
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
