"""The check of installed packages against the versions that were tested together, and against those that are needed."""

import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from gan_core.doctor.check import Result

_LOCK = "requirements.lock"
_NAMED = 4
"""Differing packages that are named."""


def check_versions(distribution: str = "ganmill") -> Result:
    """Compare every installed package with `requirements.lock`, and with what the package itself asks for.

    Packages of the lock that are not installed belong to extras. Another version than the lock's is a warning, a missing
    package or one that the package does not allow a failure.
    """
    from packaging.requirements import Requirement

    python = platform.python_version()
    try:
        needed = [Requirement(text) for text in requires(distribution) or ()]
    except PackageNotFoundError:
        return Result("failed", f"the package {distribution} is not installed here", f"install it: pip install -c {_LOCK} .")
    wrong = []
    for one in needed:
        # Extras are needed by what they are for, which says so itself.
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        found = _installed(one.name)
        if found is None or not one.specifier.contains(found, prereleases=True):
            wrong.append(f"{one.name} {found or 'is missing'}, needed is {one.specifier}")
    if wrong:
        return Result("failed", f"Python {python}: {'; '.join(wrong)}", f"install them: pip install -c {_LOCK} {distribution}")
    pins = [(name, pin, found) for name, pin in pinned() if (found := _installed(name)) is not None]
    other = [f"{name} {found} (tested with {pin})" for name, pin, found in pins if found != pin]
    if other:
        more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
        return Result(
            "warning",
            f"Python {python}; {len(other)} of {len(pins)} packages differ from {_LOCK}: {', '.join(other[:_NAMED])}{more}",
            f"results may differ from those that were tested; pip install -c {_LOCK} gives the same versions",
        )
    return Result("ok", f"Python {python}; {len(pins)} installed packages, each as in {_LOCK}")


def pinned() -> Iterator[tuple[str, str]]:
    """The names and versions of the lock file that apply to this Python and machine."""
    from packaging.requirements import Requirement

    for text in _lock_file().read_text().splitlines():
        if not re.match(r"\w", text):
            continue
        one = Requirement(text)
        if one.marker is None or one.marker.evaluate():
            yield one.name, str(one.specifier).removeprefix("==")


def _lock_file() -> Path:
    """The lock file: beside this module in an installed wheel, at the top of a checkout else."""
    packaged = Path(__file__).with_name(_LOCK)
    return packaged if packaged.is_file() else Path(__file__).parents[3] / _LOCK


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
