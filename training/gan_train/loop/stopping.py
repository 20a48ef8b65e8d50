"""--stop-when: a run that ends by itself once a score or metric gets no better.

    --stop-when fid:no-better:5                     five scored steps in a row without a better FID
    --stop-when snapshot.diversity:max:no-better:3  three snapshots in a row without a higher diversity

Scores are those that `gan-train evaluate --watch` writes beside the run; metrics are those of metrics.jsonl. It is looked at
after each snapshot, and follows from the run's files alone, so a resumed run stops where an unbroken one does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gan_core.errors import UsageError
from gan_core.storage import Folder, open_folder
from gan_core.text import short_repr
from gan_train.logs.metrics_log import read_metrics
from gan_train.logs.trace import Point
from gan_train.runs.retention import Direction
from gan_train.scoring.scores import KINDS, read_scores

NEVER = "never"

_FORM = re.compile(r"([^:]+)(?::(min|max))?:no-better:([1-9]\d{0,8})")


@dataclass(frozen=True)
class StopWhen:
    """When a run ends by itself.

    Attributes:
        name: of a score, such as "fid", or of a metric of metrics.jsonl.
        direction: whether lower or higher values are better.
        patience: number of measurements in a row that are no better than the best one before them.
    """

    name: str
    direction: Direction
    patience: int

    @property
    def is_score(self) -> bool:
        """Whether it is a score, and not a metric of the log."""
        return self.name in KINDS


def parse_stop_when(text: str) -> StopWhen | None:
    """The value of --stop-when; None for "never".

    Raises:
        UsageError: it has another form, names a score of which no end is better, or a metric without its direction.
    """
    if text == NEVER:
        return None
    matched = _FORM.fullmatch(text)
    if not matched:
        raise UsageError(
            f"--stop-when {short_repr(text)}: write SCORE:no-better:N, METRIC:min:no-better:N, METRIC:max:no-better:N or never"
        )
    name, direction, patience = matched.groups()
    known = KINDS[name].better if name in KINDS else None
    if name in KINDS and known is None:
        raise UsageError(f"--stop-when {text}: of {name} neither lower nor higher values are better; choose another score")
    if known and direction not in (None, known):
        raise UsageError(f"--stop-when {text}: the better {name} is the {known}")
    better = known or direction
    if better is None:
        scores = ", ".join(score for score, kind in KINDS.items() if kind.better)
        raise UsageError(
            f"--stop-when {text}: say which values are better, {name}:min:no-better:{patience} or {name}:max:no-better:"
            f"{patience}; scores, which need no such word, are: {scores}"
        )
    return StopWhen(name, "min" if better == "min" else "max", int(patience))


def plateau(points: Sequence[Point], stop: StopWhen) -> str:
    """Why a run ends after these measurements, or "" if it goes on.

    Args:
        points: steps and values, in order.
        stop: when it ends.
    """
    if not points:
        return ""
    sign = 1 if stop.direction == "min" else -1
    best = min(range(len(points)), key=lambda place: sign * points[place][1])
    if len(points) - 1 - best < stop.patience:
        return ""
    step, value = points[best]
    return (
        f"{stop.name} was no better than {value:.4g} of step {step:g} in {len(points) - 1 - best} measurements up to step "
        f"{points[-1][0]:g}"
    )


def reason_to_stop(run: Folder, stop: StopWhen | None, step: int, snapshot_every: int) -> str:
    """Why a run ends after a step, or "" if it goes on; "" between snapshots.

    Args:
        run: the run folder, or its mirror.
        stop: when it ends.
        step: the step it stands at.
        snapshot_every: steps between two snapshots.

    Raises:
        DataError: the log or the scores are damaged.
        StorageError: they cannot be read.
    """
    if stop is None or step == 0 or step % snapshot_every:
        return ""
    if not stop.is_score:
        rows = (row for row in read_metrics(run) if row["step"] <= step)
        return plateau([(int(row["step"]), row[stop.name]) for row in rows if stop.name in row], stop)
    # A mirror holds what this process writes; the scores are written to the folder itself.
    scored = [one for one in read_scores(open_folder(run.uri)) if one.protocol.step <= step and stop.name in one.values]
    if not scored:
        return ""
    yardstick = scored[-1].protocol.yardstick
    alike = {one.protocol.step: one.values[stop.name] for one in scored if one.protocol.yardstick == yardstick}
    return plateau(sorted(alike.items()), stop)
