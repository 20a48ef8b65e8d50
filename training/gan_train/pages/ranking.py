"""Ranks runs by each score that they share, if all scores have the same yardstick.

rankings = rank({"a": read_scores(a), "b": read_scores(b)})
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gan_core.errors import UsageError
from gan_train.logs.trace import Point
from gan_train.pages.charts import best_point, score_points
from gan_train.pages.contents import by_yardstick
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.scores import KINDS, Scored

Yardstick = tuple[str | int, ...]

_PARTS = ("extractor", "extractor's weights", "resizer", "dataset", "split", "number of reals", "number of fakes")
"""Names of the parts of a yardstick, in order."""
_HASHES = ("extractor's weights", "dataset")
_HASH_DIGITS = 12


@dataclass(frozen=True)
class Place:
    """A run in a ranking.

    Attributes:
        run: name of the run.
        value: score of its newest scored step.
        text: the score with its standard deviation, if it has one.
        step: the newest scored step.
        best: the best score of all its steps.
    """

    run: str
    value: float
    text: str
    step: int
    best: Point


@dataclass(frozen=True)
class Ranking:
    """Runs by one score, the best first.

    Attributes:
        name: name of the score.
        places: places of at least two runs.
    """

    name: str
    places: tuple[Place, ...]

    def numbered(self) -> list[tuple[int, Place]]:
        """Each place with its rank, from 1; equal values have equal ranks."""
        values = [place.value for place in self.places]
        return [(values.index(place.value) + 1, place) for place in self.places]


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


def rank(scores: Mapping[str, Sequence[Scored]]) -> Ranked:
    """Rank runs by the yardstick that all scored runs share; of several, the one that the first run used last.

    Args:
        scores: all lines of scores.jsonl by the name of the run; runs without lines are not ranked.

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
    rankings = (_ranking(name, comparable) for name, kind in KINDS.items() if kind.better)
    return Ranked(protocol, tuple(ranking for ranking in rankings if len(ranking.places) > 1), comparable)


def _ranking(name: str, scored: Mapping[str, Sequence[Scored]]) -> Ranking:
    places = []
    for run, lines in scored.items():
        newest = next((one for one in reversed(lines) if name in one.values), None)
        best = best_point(score_points(lines, name), name)
        if newest and best:
            places.append(Place(run, newest.values[name], newest.text(name), newest.protocol.step, best))
    sign = 1 if KINDS[name].better == "min" else -1
    return Ranking(name, tuple(sorted(places, key=lambda place: sign * place.value)))


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
        text += [
            f"  {number}. {place.text:<16} {place.run} at step {place.step} (best {place.best[1]:.4g} at step {place.best[0]})"
            for number, place in ranking.numbered()
        ]
    return text
