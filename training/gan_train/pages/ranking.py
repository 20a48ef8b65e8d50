"""Ranks variants by each score that they share, if all scores have the same yardstick.

A variant is one run, or several that differ in nothing but their seeds. Two variants are told apart only where their means
differ by more than the standard deviation over the seeds of either.

ranked = rank({"a": read_scores(a), "b-seed-0": read_scores(b), "b-seed-1": ...}, {"a": ["a"], "b": ["b-seed-0", "b-seed-1"]})
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from gan_core.errors import UsageError
from gan_train.logs.trace import Point
from gan_train.pages.charts import best_point, score_points
from gan_train.pages.contents import by_yardstick
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.scores import KINDS, Scored

Yardstick = tuple[str | int, ...]

_COUNTS = ("number of reals", "number of fakes", "truncation")
_PARTS = ("extractor", "extractor's weights", "resizer", "dataset", "split", *_COUNTS)
"""Names of the parts of a yardstick, in order."""
_HASHES = ("extractor's weights", "dataset")
_HASH_DIGITS = 12

SHARED_PLACES = "the same place: the means differ by no more than the standard deviation over the seeds of one of the two"


@dataclass(frozen=True)
class Place:
    """A variant in a ranking.

    Attributes:
        variant: name of the variant.
        runs: number of its runs that have the score.
        value: score of the newest scored step, mean over the runs.
        deviation: standard deviation over the runs, with n-1 in the denominator; None of a single run.
        text: the score with its deviation; of a single run with the one that the score itself has, if any.
        first_step, step: the earliest and the latest of the newest scored steps.
        best: the best score of all steps of all runs.
    """

    variant: str
    runs: int
    value: float
    deviation: float | None
    text: str
    first_step: int
    step: int
    best: Point

    @property
    def steps(self) -> str:
        """The newest scored step, or the range of them if they differ."""
        return str(self.step) if self.first_step == self.step else f"{self.first_step} to {self.step}"


@dataclass(frozen=True)
class Ranking:
    """Variants by one score, the best mean first.

    Attributes:
        name: name of the score.
        places: places of at least one variant.
    """

    name: str
    places: tuple[Place, ...]

    def numbered(self) -> list[tuple[int, Place]]:
        """Each place with its rank: 1, and one more for each variant that is better beyond the deviation of both."""
        return [(1 + sum(self._is_better(other, place) for other in self.places), place) for place in self.places]

    @property
    def tied(self) -> bool:
        """Whether two variants share a rank because their deviations do not tell them apart."""
        numbers = [number for number, _ in self.numbered()]
        return len(set(numbers)) < len(numbers) and any(place.deviation for place in self.places)

    def _is_better(self, one: Place, other: Place) -> bool:
        ahead = (other.value - one.value) * _sign(self.name)
        return ahead > max(one.deviation or 0.0, other.deviation or 0.0)


@dataclass(frozen=True)
class Ranked:
    """All rankings.

    Attributes:
        protocol: protocol of the first run, whose yardstick all share; None if fewer than two runs have scores.
        rankings: one for each score that at least two runs have.
        scored: scores with the yardstick, by run and step.
    """

    protocol: Protocol | None
    rankings: tuple[Ranking, ...]
    scored: Mapping[str, Sequence[Scored]]

    def newest(self, run: str, name: str) -> str:
        """The newest score of a run as text, or "" if it has none of that name."""
        found = _newest(self.scored.get(run, ()), name)
        return found.text(name) if found else ""


def rank(scores: Mapping[str, Sequence[Scored]], variants: Mapping[str, Sequence[str]]) -> Ranked:
    """Rank variants by the yardstick that all scored runs share; of several, the one that the first run used last.

    Args:
        scores: all lines of scores.jsonl by the name of the run; runs without lines are not ranked.
        variants: the names of the runs of each variant.

    Raises:
        UsageError: the runs have no common yardstick; the message names the differences.
    """
    scored = {run: lines for run, lines in scores.items() if lines}
    if len(scored) < 2:
        return Ranked(None, (), {run: by_yardstick(lines, lines[-1].protocol.yardstick) for run, lines in scored.items()})
    shared = set.intersection(*({one.protocol.yardstick for one in lines} for lines in scored.values()))
    if not shared:
        raise UsageError(_refusal({run: lines[-1].protocol for run, lines in scored.items()}))
    first = next(iter(scored.values()))
    protocol = next(one.protocol for one in reversed(first) if one.protocol.yardstick in shared)
    comparable = {run: by_yardstick(lines, protocol.yardstick) for run, lines in scored.items()}
    rankings = (_ranking(name, comparable, variants) for name, kind in KINDS.items() if kind.better)
    return Ranked(protocol, tuple(one for one in rankings if sum(place.runs for place in one.places) > 1), comparable)


def _ranking(name: str, scored: Mapping[str, Sequence[Scored]], variants: Mapping[str, Sequence[str]]) -> Ranking:
    places = (_place(variant, name, [scored[run] for run in runs if run in scored]) for variant, runs in variants.items())
    return Ranking(name, tuple(sorted(filter(None, places), key=lambda place: place.value * _sign(name))))


def _place(variant: str, name: str, scored: Sequence[Sequence[Scored]]) -> Place | None:
    """The place of a variant, or None if none of its runs has the score."""
    newest = [found for lines in scored if (found := _newest(lines, name))]
    best = best_point([point for lines in scored for point in score_points(lines, name)], name)
    if not newest or not best:
        return None
    values, steps = [one.values[name] for one in newest], [one.protocol.step for one in newest]
    deviation = stdev(values) if len(values) > 1 else None
    text = newest[0].text(name) if deviation is None else f"{fmean(values):.4g} ± {deviation:.2g}"
    return Place(variant, len(values), fmean(values), deviation, text, min(steps), max(steps), best)


def _newest(lines: Sequence[Scored], name: str) -> Scored | None:
    return next((one for one in reversed(lines) if name in one.values), None)


def _sign(name: str) -> int:
    """1 if lower values of a score are better, else -1."""
    return 1 if KINDS[name].better == "min" else -1


def _refusal(protocols: Mapping[str, Protocol]) -> str:
    """The message about runs without a common yardstick: the parts that differ, with their values by run."""
    differing = []
    for place, part in enumerate(_PARTS):
        runs_of: dict[str, list[str]] = {}
        for run, protocol in protocols.items():
            value = str(protocol.yardstick[place])
            runs_of.setdefault(value[:_HASH_DIGITS] if part in _HASHES else value, []).append(run)
        if len(runs_of) > 1:
            differing.append(f"{part} " + ", ".join(f"{value} ({' '.join(runs)})" for value, runs in runs_of.items()))
    return (
        f"these runs were not measured alike, so no score ranks them: {'; '.join(differing)}. Score all of them with the same "
        "options of 'gan-train evaluate RUN --data FOLDER'"
    )


def lines(ranked: Ranked) -> list[str]:
    """The rankings as lines of plain text."""
    if not ranked.rankings:
        return ["nothing ranks them, fewer than two are scored; score each: gan-train evaluate RUN --data FOLDER"]
    text = [f"measured as {ranked.protocol}, and the others alike"]
    for ranking in ranked.rankings:
        kind = KINDS[ranking.name]
        text.append(f"{kind.title}, {'lower' if kind.better == 'min' else 'higher'} is better")
        for number, place in ranking.numbered():
            over = f" over {place.runs} seeds" if place.runs > 1 else ""
            best = f"best{' of any' if over else ''} {place.best[1]:.4g} at step {place.best[0]}"
            text.append(f"  {number}. {place.text:<16} {place.variant}{over} at step {place.steps} ({best})")
    if any(ranking.tied for ranking in ranked.rankings):
        text.append(SHARED_PLACES)
    return text
