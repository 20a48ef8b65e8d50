"""Schedules in the five fields of cron, as Kubernetes and Cloud Scheduler read them."""

import re

_FIELDS = {
    "minute": (0, 59, ()),
    "hour": (0, 23, ()),
    "day of the month": (1, 31, ()),
    "month": (1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    "day of the week": (0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
}
"""For each field its lowest and highest number, and the names of numbers from the lowest on."""

_PART = re.compile(r"^(\*|[a-z0-9]+(?:-[a-z0-9]+)?)(?:/([1-9]\d?))?$")


def check_schedule(schedule: str) -> str:
    """The schedule itself, with single spaces.

    Raises:
        ValueError: it does not have five fields, or one of them is no list of numbers, names, ranges and steps.
    """
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"a schedule has five fields, such as '0 3 * * *' for every night at three; this has {len(fields)}")
    for (name, (low, high, names)), field in zip(_FIELDS.items(), fields, strict=True):
        for part in field.lower().split(","):
            if not _allowed(part, low, high, names):
                raise ValueError(f"{part!r} is no {name}; use *, {low}-{high}, lists with commas and steps such as */15")
    return " ".join(fields)


def _allowed(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    found = _PART.match(part)
    if found is None:
        return False
    if found[1] == "*":
        return True
    ends = [_number(end, low, names) for end in found[1].split("-")]
    return all(low <= end <= high for end in ends) and ends == sorted(ends)


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    """The number that a text stands for, -1 for none."""
    if text in names:
        return low + names.index(text)
    return int(text) if text.isdigit() else -1
