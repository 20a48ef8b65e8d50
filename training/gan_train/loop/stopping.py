"""--stop-when: a run that ends by itself once a score or metric gets no better.

    --stop-when fid:no-better:5                     five scored steps in a row without a better FID
    --stop-when snapshot.diversity:max:no-better:3  three snapshots in a row without a higher diversity

Scores are those that `gan-train evaluate --watch` writes beside the run; metrics are those of metrics.jsonl. It is looked at
after each snapshot, and follows from the run's files alone, so a resumed run stops where an unbroken one does.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gan_core.errors import UsageError
from gan_core.storage import Folder, open_folder
from gan_core.text import short_repr
from gan_train.logs.metrics_log import Row, read_metrics
from gan_train.logs.trace import Point
from gan_train.logs.writer import Writer
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


class EarlyStopping(Writer):
    """Tells when a run ends, from its measurements so far.

    It is told the rows of the log one by one and keeps the best value alone, so that it costs the same in a run of any length.
    Scores come from beside the run; their file, with a line for each scored step, is read anew at each look.

    Args:
        run: the run folder, or its mirror.
        stop: when the run ends.
        rows: the log up to the step that training begins at.
        tell: is told once if no row of a whole snapshot had the metric, as with a name of `snapshot.` that this run does not
            measure.

    Raises:
        DataError: the log is damaged.
        StorageError: it cannot be read.
    """

    def __init__(self, run: Folder, stop: StopWhen, rows: Iterable[Row], tell: Callable[[str], None]) -> None:
        self._run, self._stop, self._plateau, self._tell = run, stop, Plateau(stop), tell
        self._names: list[str] = []
        if not stop.is_score:
            for row in rows:
                self.write_row(row)

    def write_row(self, row: Row) -> None:
        if not self._stop.is_score and self._stop.name in row:
            self._plateau.add(int(row["step"]), row[self._stop.name])
        self._names = [name for name in row if name.startswith("snapshot.")]

    def reason(self, step: int) -> str:
        """Why the run ends after a step, or "" if it goes on.

        Raises:
            DataError: the scores are damaged.
            StorageError: they cannot be read.
        """
        if self._stop.is_score:
            return self._scored(step).reason
        if self._plateau.is_empty and self._names:
            self._tell(
                f"--stop-when {self._stop.name}: no such number so far, so nothing ends the run before its last step; this "
                f"snapshot has: {', '.join(self._names)}"
            )
            self._tell = _ignore
        return self._plateau.reason

    def _scored(self, step: int) -> "Plateau":
        """The scores up to a step that were measured as the newest of them was."""
        # A mirror holds what this process writes; the scores are written to the folder itself.
        scored = [one for one in read_scores(open_folder(self._run.uri)) if one.protocol.step <= step]
        named = [one for one in scored if self._stop.name in one.values]
        alike = [one for one in named if one.protocol.yardstick == named[-1].protocol.yardstick]
        found = Plateau(self._stop)
        for at, value in sorted({one.protocol.step: one.values[self._stop.name] for one in alike}.items()):
            found.add(at, value)
        return found


class Plateau:
    """Measurements in a row that are no better than the best one before them.

    Args:
        stop: which values are better, and how many measurements make a run end.
    """

    def __init__(self, stop: StopWhen) -> None:
        self._stop = stop
        self._best: Point | None = None
        self._newest = self._since = 0

    def add(self, step: int, value: float) -> None:
        """Add the measurement of a step later than all before."""
        sign = 1 if self._stop.direction == "min" else -1
        self._newest = step
        if self._best is None or sign * value < sign * self._best[1]:
            self._best, self._since = (step, value), 0
        else:
            self._since += 1

    @property
    def is_empty(self) -> bool:
        """Whether there was no measurement."""
        return self._best is None

    @property
    def reason(self) -> str:
        """Why a run ends after these measurements, or "" if it goes on."""
        if self._best is None or self._since < self._stop.patience:
            return ""
        step, value = self._best
        return (
            f"{self._stop.name} was no better than {value:.4g} of step {step} in {self._since} measurements up to step "
            f"{self._newest}"
        )


def reason_at(run: Folder, stop: StopWhen | None, step: int, snapshot_every: int) -> str:
    """Why a run that stands at a snapshot is done before its last step, or "" if it goes on.

    Args:
        run: the run folder, or its mirror.
        stop: when it ends; None is at its last step.
        step: the step of its newest checkpoint.
        snapshot_every: steps between two snapshots.

    Raises:
        DataError: the log or the scores are damaged.
        StorageError: they cannot be read.
    """
    if stop is None or step == 0 or step % snapshot_every:
        return ""
    # A killed run may have logged steps beyond its newest checkpoint.
    return EarlyStopping(run, stop, (row for row in read_metrics(run) if row["step"] <= step), _ignore).reason(step)


def _ignore(words: str) -> None:
    """Where nothing is to be told."""
