"""Verdicts on a run, row by row of its log.

    diagnosis = Diagnosis(recipe)
    verdicts = [verdict for row in read_metrics(run) if (verdict := diagnosis.add(row))]

All follows from the recipe and the rows, so a run that was resumed is judged as one that was never interrupted. A run is judged
at every snapshot and once for each window of steps.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from gan_train.diagnosis.balance import balances, loss_names
from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.rules.beaten import beaten
from gan_train.diagnosis.rules.certainty import certainty
from gan_train.diagnosis.rules.collapse import mode_collapse
from gan_train.diagnosis.rules.critic import critic
from gan_train.diagnosis.rules.instability import late_instability
from gan_train.diagnosis.rules.little_data import little_data
from gan_train.diagnosis.rules.non_finite import non_finite
from gan_train.diagnosis.rules.unlike import unlike_data
from gan_train.diagnosis.series import deviation, median
from gan_train.diagnosis.window import SampleScores, Window
from gan_train.logs.metrics_log import Row
from gan_train.logs.verdict import STABLE, WARMING_UP, Verdict
from gan_train.recipe.base import Recipe

RULES: tuple[Callable[[Window], Finding | None], ...] = (
    non_finite,
    little_data,
    certainty,
    beaten,
    critic,
    mode_collapse,
    unlike_data,
    late_instability,
)
"""The rules in order: the first that finds something decides."""

WINDOW = 45
"""Steps of a window, at least: an epoch of mnist-dcgan on one digit class, on which the thresholds were set."""

FEWEST_ROWS = 9
"""Rows of a window, at least. Where rows are logged at longer intervals, a window has more steps."""

_LONG_WINDOWS = 4
"""Number of windows in which an oscillation is searched."""

SHORTEST_WARM_UP, LONGEST_WARM_UP, WARM_UP_SHARE = 100, 500, 4
"""A run is not judged in the first quarter of its steps, but in no fewer and no more steps than these."""

_STABLE = Finding(STABLE, False, "stable", ("No rule finds a failure. How good the images are is for scores to say.",))
_WARMING_UP = Finding(WARMING_UP, False, "warming up", ("It is too early to judge.",))


def window_steps(log_every: int) -> int:
    """Steps of a window, a multiple of `log_every`."""
    return max(FEWEST_ROWS, -(-WINDOW // log_every)) * log_every


def warm_up(recipe: Recipe) -> int:
    """Steps of a run that are not judged, at least a whole window."""
    share = min(max(recipe.steps // WARM_UP_SHARE, SHORTEST_WARM_UP), LONGEST_WARM_UP)
    return max(share, window_steps(recipe.log_every))


class Diagnosis:
    """Judges a run from its rows, given in order.

    Args:
        recipe: the recipe in the run's folder.

    Attributes:
        window: length of a window in steps.
        warm_up: steps that are not judged.
        standing: the newest verdict, or None.
        failing_since: step at which the present failure was first found, of whatever kind; None while nothing fails.
        well_at: the last step at which the run was judged and did not fail; 0 before.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.window, self.warm_up = window_steps(recipe.log_every), warm_up(recipe)
        self.standing: Verdict | None = None
        self.failing_since: int | None = None
        self.well_at = 0
        self._rows: deque[Row] = deque()
        self._losses: set[str] = set()
        self._samples: SampleScores | None = None
        self._earlier_samples: SampleScores | None = None
        self._calmest: dict[str, float] = {}
        self._estimate_level = 0.0

    def add(self, row: Row) -> Verdict | None:
        """Take one more row; the verdict, if this is a step to judge at."""
        step = int(row["step"])
        self._rows.append(row)
        while self._rows[0]["step"] <= step - _LONG_WINDOWS * self.window:
            self._rows.popleft()
        if not self._losses:
            self._losses = loss_names(self._recipe.opponents, row)
        has_snapshot = any(name.startswith("snapshot.") for name in row)
        if "snapshot.diversity" in row or "snapshot.distinct_reals" in row:
            self._earlier_samples, self._samples = self._samples, _sample_scores(row)
        if step % self.window != 0 and not has_snapshot:
            return None
        return self._judge(step)

    def _judge(self, step: int) -> Verdict:
        window = self._window_at(step)
        finding = _WARMING_UP if step < self.warm_up else next(_findings(window), _STABLE)
        self._remember(window, finding)
        self.standing = verdict_on(finding, step, self.standing)
        return self.standing

    def _window_at(self, step: int) -> Window:
        rows = [row for row in self._rows if row["step"] > step - self.window]
        recipe = self._recipe
        long_losses = [balance.generator_losses for balance in balances(recipe.opponents, self._rows)]
        return Window(
            step=step,
            loss=recipe.loss_kind,
            generator_has_other_losses=recipe.generator_has_other_losses,
            noise_size=recipe.noise_size,
            sample_images=recipe.sample_images,
            steps=self.window,
            balances=balances(recipe.opponents, rows),
            missing=tuple(sorted(self._losses - rows[-1].keys())),
            samples=self._samples,
            samples_are_new=self._samples is not None and self._samples.step > step - self.window,
            earlier_samples=self._earlier_samples,
            previous=self.standing.kind if self.standing else "",
            long_losses=long_losses[0] if long_losses else (),
            calmest=dict(self._calmest),
            estimates=tuple(row["critic.estimate"] for row in rows if "critic.estimate" in row),
            estimate_level=self._estimate_level,
        )

    def _remember(self, window: Window, finding: Finding) -> None:
        """Update the statistics that later windows are compared with."""
        if finding.failing:
            self.failing_since = self.failing_since or window.step
            return
        self.failing_since = None
        self.well_at = window.step if finding is not _WARMING_UP else 0
        if finding is _WARMING_UP:
            if window.estimates:
                self._estimate_level = max(self._estimate_level, abs(median(window.estimates)))
            return
        for balance in window.balances:
            now = deviation(balance.generator_losses)
            self._calmest[balance.generator] = min(now, self._calmest.get(balance.generator, now))


def verdict_on(finding: Finding, step: int, before: Verdict | None) -> Verdict:
    """The verdict of a finding at a step, after the verdict before it."""
    since = before.since if before and before.kind == finding.kind else step
    return Verdict(step, finding.kind, finding.failing, since, finding.words, finding.evidence, finding.advice)


def diagnose(recipe: Recipe, rows: Iterable[Row]) -> list[Verdict]:
    """All verdicts on the rows of a run, in order."""
    diagnosis = Diagnosis(recipe)
    return [verdict for row in rows if (verdict := diagnosis.add(row))]


def _findings(window: Window) -> Iterator[Finding]:
    return (finding for rule in RULES if (finding := rule(window)))


def _sample_scores(row: Row) -> SampleScores:
    """The scores of a snapshot; those that the run did not measure are None."""

    def count(name: str) -> int | None:
        return int(row[f"snapshot.{name}"]) if f"snapshot.{name}" in row else None

    return SampleScores(
        step=int(row["step"]),
        diversity=row.get("snapshot.diversity"),
        classes=count("classes"),
        classes_of_reals=count("classes_of_reals"),
        common=row.get("snapshot.common"),
        distance=row.get("snapshot.distance"),
        roughness=row.get("snapshot.roughness"),
        distinct_reals=count("distinct_reals"),
        reals=count("reals"),
    )
