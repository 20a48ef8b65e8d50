"""The check of this machine's clock against that of a storage: the Date of the bucket's answers, or the times of files."""

import tempfile
import time
from pathlib import Path

from gan_core.doctor.check import Check, Result
from gan_core.errors import StorageError
from gan_core.storage import CloudFolder, open_folder
from gan_core.temporary import system_folder

_NOTICED = 30.0
"""Seconds of difference that are worth a word."""

_REFUSED = 300.0
"""Seconds of difference from which on Google refuses tokens that this machine has signed."""

_ADVICE = "set the clock, as by NTP: runs are told apart, leases renewed and tokens signed by it"


def clock_check(uri: str | None) -> Check:
    """The check of the clock.

    Args:
        uri: the folder that is written, local or on gs://; None for the folder for temporary files.
    """

    def look() -> Result:
        folder = open_folder(uri) if uri else None
        if isinstance(folder, CloudFolder):
            return _judged(folder.seconds_ahead(), f"the clock of {folder.uri}", _REFUSED)
        place = _existing(Path(uri)) if uri else system_folder()
        try:
            with tempfile.NamedTemporaryFile(dir=place) as file:
                ahead = Path(file.name).stat().st_mtime - time.time()
        except OSError as error:
            raise StorageError(f"{place}: cannot be written ({error.strerror}); choose another folder") from error
        return _judged(ahead, f"the times of files in {place}", float("inf"))

    return Check("clock", look)


def _judged(ahead: float, what: str, refused: float) -> Result:
    """The result for a clock that is `ahead` seconds ahead of ours, or behind it where negative."""
    found = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC, {abs(ahead):.0f} seconds from {what}"
    if abs(ahead) <= _NOTICED:
        return Result("ok", found)
    return Result("failed" if abs(ahead) > refused else "warning", found, _ADVICE)


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.is_dir())
