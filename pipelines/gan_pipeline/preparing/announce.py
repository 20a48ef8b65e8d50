"""Tell what was understood of a source before anything is written."""

from gan_core.errors import DataError
from gan_core.notices import say, warn
from gan_pipeline.dataset.understood import Understood


def announce(understood: Understood, notes: tuple[str, ...]) -> None:
    """Say what was understood and what else the user should know, and warn of what is seldom meant."""
    for line in understood.lines():
        say(f"understood: {line}")
    for note in notes:
        say(f"note: {note}")
    for warning in understood.warnings:
        warn(warning)


def check_strictly(understood: Understood, source: str) -> None:
    """Raise DataError if something was understood in a way that is seldom meant."""
    if understood.warnings:
        count = len(understood.warnings)
        raise DataError(
            f"{source}: --strict, and {count} {'warnings' if count > 1 else 'warning'}: " + "; ".join(understood.warnings)
        )
