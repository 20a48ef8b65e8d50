"""The choice of checkpoints that stay: the last ones, every k-th step, the best by a metric. Pure functions, no I/O.

keep = parse_keep("last=3,every=1000,best=d.loss:min")
stay = kept_steps([900, 1000, 1100], rows, keep)
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from gan_core.errors import UsageError
from gan_core.text import short_repr

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Best:
    """The checkpoint with the lowest or highest value of a metric.

    Attributes:
        metric: a name of metrics.jsonl.
        direction: whether the lowest or the highest value is the best.
    """

    metric: str
    direction: Direction


@dataclass(frozen=True)
class Keep:
    """The policy of --keep: a checkpoint stays if any of its parts applies.

    Attributes:
        last: number of newest checkpoints that stay, at least 1.
        every: checkpoints of steps divisible by it stay for ever; None is none.
        best: the best checkpoint so far by a metric stays; None is none.
    """

    last: int = 3
    every: int | None = None
    best: Best | None = None


def kept_steps(steps: Iterable[int], rows: Iterable[Mapping[str, float]], keep: Keep) -> set[int]:
    """The steps whose checkpoints stay. The newest always stays.

    A checkpoint's value is the newest one of the metric up to its step, so a metric may be measured more seldom than
    checkpoints are made; of equal values the earliest checkpoint counts, since it is closest to the measurement. Applied to
    each new checkpoint in turn, this keeps the best of all that ever were.

    Args:
        steps: steps with a checkpoint.
        rows: of metrics.jsonl, in ascending order of "step".
        keep: the policy.
    """
    ascending = sorted(steps)
    kept = set(ascending[-keep.last :])
    if keep.every:
        kept |= {step for step in ascending if step % keep.every == 0}
    if keep.best:
        kept |= _best(ascending, rows, keep.best)
    return kept


def _best(steps: Sequence[int], rows: Iterable[Mapping[str, float]], best: Best) -> set[int]:
    """The best step alone, or an empty set while no row has the metric."""
    measured = [(row["step"], row[best.metric]) for row in rows if best.metric in row]
    at = [step for step, _ in measured]
    sign = 1 if best.direction == "min" else -1
    places = {step: bisect_right(at, step) for step in steps}
    scores = {step: sign * measured[place - 1][1] for step, place in places.items() if place}
    return {min(scores, key=lambda step: (scores[step], step))} if scores else set()


def parse_keep(text: str) -> Keep:
    """The policy that a text such as "last=3,every=1000,best=d.loss:min" means, each part optional. Raises UsageError."""
    parts = [part.strip().partition("=") for part in text.split(",")]
    named = {name: _parse_part(name, value, text) for name, _, value in parts}
    if len(named) < len(parts):
        raise UsageError(f"--keep {short_repr(text)}: names a part twice")
    return Keep(**named)


def _parse_part(name: str, value: str, text: str) -> Any:
    if name in ("last", "every") and re.fullmatch("0*[1-9][0-9]{0,17}", value):
        return int(value)
    metric, _, direction = value.rpartition(":")
    if name == "best" and metric and direction in get_args(Direction):
        return Best(metric, cast(Direction, direction))
    raise UsageError(
        f"--keep {short_repr(text)}: write last=N, every=N and best=METRIC:min or :max, such as last=3,best=d.loss:min"
    )
