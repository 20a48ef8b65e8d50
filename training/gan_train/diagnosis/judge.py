"""How a run is judged, row by row of its log.

    diagnosis = Diagnosis(recipe)
    verdicts = [verdict for row in read_metrics(run) if (verdict := diagnosis.add(row))]

All follows from the recipe and the rows, so a run that is resumed is judged as one that was never interrupted. It is judged
at every snapshot and once for each window of steps.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from gan_train.diagnosis.balance import contests, main_losses
from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.rules.certainty import certainty
from gan_train.diagnosis.rules.collapse import mode_collapse
from gan_train.diagnosis.rules.critic import critic
from gan_train.diagnosis.rules.instability import late_instability
from gan_train.diagnosis.rules.non_finite import non_finite
from gan_train.diagnosis.series import deviation, median
from gan_train.diagnosis.window import Snapshot, Window
from gan_train.logs.metrics_log import Row
from gan_train.logs.verdict import STABLE, WARMING_UP, Verdict
from gan_train.recipe.base import LatentRecipe, Recipe
from gan_train.recipe.translation import TranslationRecipe

RULES: tuple[Callable[[Window], Finding | None], ...] = (non_finite, certainty, critic, mode_collapse, late_instability)
"""In order: the first that finds something decides (spec C 1.5)."""

WINDOW = 45
"""Steps that are looked at together: an epoch of the specification's reference run (spec C 1.5)."""

FEWEST_ROWS = 9
"""Of a window. Where rows are logged more seldom, a window has more steps."""

_SWING_WINDOWS = 4
"""Over which an oscillation is looked for."""

SHORTEST_WARM_UP, LONGEST_WARM_UP, WARM_UP_SHARE = 100, 500, 4
"""Steps before a run is judged: a quarter of its steps, within these (spec C 1.5: 100 of 450)."""

_WELL = Finding(STABLE, False, "stable", ("No rule finds a failure.",))
_EARLY = Finding(WARMING_UP, False, "warming up", ("It is too early to judge.",))


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
        recipe: as the run's folder has it.

    Attributes:
        window: in steps.
        warm_up: in steps.
        standing: the newest verdict, or None.
        failing_since: step at which the present failure was first judged, of whatever kind; None while nothing fails.
        well_at: the last step at which the run was judged and not failing; 0 before.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.window, self.warm_up = window_steps(recipe.log_every), warm_up(recipe)
        self.standing: Verdict | None = None
        self.failing_since: int | None = None
        self.well_at = 0
        self._rows: deque[Row] = deque()
        self._losses: set[str] = set()
        self._snapshot: Snapshot | None = None
        self._calmest: dict[str, float] = {}
        self._estimate_level = 0.0

    def add(self, row: Row) -> Verdict | None:
        """Look at one more row; the verdict, if this is a step to judge at."""
        step = int(row["step"])
        self._rows.append(row)
        while self._rows[0]["step"] <= step - _SWING_WINDOWS * self.window:
            self._rows.popleft()
        if not self._losses:
            self._losses = main_losses([row])
        looked = any(name.startswith("snapshot.") for name in row)
        if "snapshot.diversity" in row:
            self._snapshot = _snapshot(row)
        if step % self.window != 0 and not looked:
            return None
        return self._judge(step)

    def _judge(self, step: int) -> Verdict:
        seen = self._seen(step)
        finding = _EARLY if step < self.warm_up else next(_found(seen), _WELL)
        self._remember(seen, finding)
        self.standing = verdict_on(finding, step, self.standing)
        return self.standing

    def _seen(self, step: int) -> Window:
        rows = [row for row in self._rows if row["step"] > step - self.window]
        swings = [contest.generator_losses for contest in contests(self._rows)]
        return Window(
            step,
            getattr(self._recipe, "loss", "non-saturating"),
            isinstance(self._recipe, TranslationRecipe),
            self._recipe.latent_size if isinstance(self._recipe, LatentRecipe) else None,
            self.window,
            contests(rows),
            tuple(sorted(self._losses - rows[-1].keys())),
            self._snapshot,
            self._snapshot is not None and self._snapshot.step > step - self.window,
            self.standing.kind if self.standing else "",
            swings[0] if swings else (),
            dict(self._calmest),
            tuple(row["critic.estimate"] for row in rows if "critic.estimate" in row),
            self._estimate_level,
        )

    def _remember(self, seen: Window, finding: Finding) -> None:
        """What later judgements compare with."""
        if finding.failing:
            self.failing_since = self.failing_since or seen.step
            return
        self.failing_since = None
        self.well_at = seen.step if finding is not _EARLY else 0
        if finding is _EARLY:
            if seen.estimates:
                self._estimate_level = max(self._estimate_level, abs(median(seen.estimates)))
            return
        for contest in seen.contests:
            now = deviation(contest.generator_losses)
            self._calmest[contest.generator] = min(now, self._calmest.get(contest.generator, now))


def verdict_on(finding: Finding, step: int, before: Verdict | None) -> Verdict:
    """A finding at a step, after the verdict before."""
    since = before.since if before and before.kind == finding.kind else step
    return Verdict(step, finding.kind, finding.failing, since, finding.words, finding.evidence, finding.advice)


def judged(recipe: Recipe, rows: Iterable[Row]) -> list[Verdict]:
    """All verdicts on a run's rows, in order."""
    diagnosis = Diagnosis(recipe)
    return [verdict for row in rows if (verdict := diagnosis.add(row))]


def _found(seen: Window) -> Iterator[Finding]:
    return (finding for rule in RULES if (finding := rule(seen)))


def _snapshot(row: Row) -> Snapshot:
    classes, of_reals = (row.get(f"snapshot.{name}") for name in ("classes", "classes_of_reals"))
    return Snapshot(
        int(row["step"]),
        row["snapshot.diversity"],
        None if classes is None else int(classes),
        None if of_reals is None else int(of_reals),
    )
