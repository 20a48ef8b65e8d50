"""Checks of the machine: memory, and the disks for temporary files and caches."""

import os
import shutil
import tempfile
from pathlib import Path

from gan_core.doctor.check import Check, Result
from gan_core.memory import free_bytes, memory_bytes
from gan_core.temporary import system_folder

_GIB = 1 << 30

_LEAST_DISK = 100 << 20
"""The bytes of a disk without which no command gets far."""

_SMALL_DISK = 2 * _GIB
"""The bytes of a disk below which a longer run may fill it."""


def memory_check(least: int) -> Check:
    """The check of free memory.

    Args:
        least: bytes that a small run takes; less is a failure, less than twice as much a warning.
    """

    def look() -> Result:
        free = free_bytes()
        found = f"{gibibytes(free)} free of {gibibytes(memory_bytes())}, {os.cpu_count()} processors"
        if free >= 2 * least:
            return Result("ok", found)
        advice = f"a small run takes {gibibytes(least)}; stop other programs, or take a larger machine"
        return Result("failed" if free < least else "warning", found, advice)

    return Check("memory", look)


def disk_check(name: str, variable: str | None = None) -> Check:
    """The check of a disk that commands write to while they run.

    Args:
        name: what the disk is for, such as "cache".
        variable: the environment variable that names a folder on it; None, or a variable that is not set, means the folder
            for temporary files.
    """

    def look() -> Result:
        chosen = os.environ.get(variable) if variable else None
        return local_disk(Path(chosen) if chosen else system_folder(), variable or "TMPDIR")

    return Check(name, look)


def local_disk(folder: Path, variable: str) -> Result:
    """Write a file into a folder, which is made if need be, remove it, and measure the free space.

    Args:
        folder: the folder.
        variable: the environment variable by which another folder is chosen.
    """
    remedy = f"free space, or name a folder on another disk by {variable}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 20))
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Result("failed", f"{folder}: cannot be written ({error.strerror})", remedy)
    found = f"{folder}: can be written, {gibibytes(free)} free"
    if free >= _SMALL_DISK:
        return Result("ok", found)
    return Result("failed" if free < _LEAST_DISK else "warning", found, remedy)


def gibibytes(count: int) -> str:
    """A number of bytes in words, such as "1.5 GiB"."""
    return f"{count / _GIB:,.1f} GiB"
