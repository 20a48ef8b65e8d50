"""Confusion tables of verdicts: one line for each recipe, how often a run of it was judged what, after warm-up."""

from collections import Counter
from collections.abc import Iterable, Mapping

from gan_train.logs.verdict import Verdict

Runs = Mapping[str, Iterable[list[Verdict]]]
"""Verdicts of the runs of each recipe."""


def confusion(runs: Runs) -> dict[str, Counter[str]]:
    """At how many judging points each kind was found, by recipe."""
    return {
        recipe: Counter(verdict.kind for verdicts in of_recipe for verdict in verdicts if verdict.kind != "warming-up")
        for recipe, of_recipe in runs.items()
    }


def endings(runs: Runs) -> dict[str, Counter[str]]:
    """As what the runs of each recipe ended."""
    return {recipe: Counter(verdicts[-1].kind for verdicts in of_recipe) for recipe, of_recipe in runs.items()}


def told(title: str, table: Mapping[str, Counter[str]]) -> str:
    """A table in plain text."""
    kinds = sorted({kind for counts in table.values() for kind in counts})
    width = max(map(len, (title, *table)))
    lines = [f"{title:<{width}}  {'  '.join(kinds)}"]
    for recipe, counts in table.items():
        cells = "  ".join(f"{counts[kind] or '.':>{len(kind)}}" for kind in kinds)
        lines.append(f"{recipe:<{width}}  {cells}")
    return "\n".join(lines)
