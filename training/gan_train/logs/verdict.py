"""Verdicts on a training, and diagnosis.jsonl, which has a line for each."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_train.runs.layout import DIAGNOSIS

WARMING_UP, STABLE = "warming-up", "stable"
"""Kinds of verdicts where no rule found anything: it is too early to judge, or all is well."""

_TAIL = 1 << 14
"""Bytes at the end of the file that hold at least one line."""


@dataclass(frozen=True)
class Verdict:
    """A judgement on a training at one step.

    Attributes:
        step: at which it was judged.
        kind: name of the rule that decided, such as "mode-collapse"; or "stable", or "warming-up".
        failing: whether it is a failure, and not only a remark.
        since: the first step of an unbroken row of verdicts of this kind.
        words: the verdict in a few words, such as "mode collapse".
        evidence: observations, a sentence each.
        advice: what to try, a sentence each; empty where all is well.
    """

    step: int
    kind: str
    failing: bool
    since: int
    words: str
    evidence: tuple[str, ...]
    advice: tuple[str, ...] = ()

    @property
    def in_short(self) -> str:
        """The verdict for a progress line; "" while it is too early to judge."""
        return "" if self.kind == WARMING_UP else self.words

    def __str__(self) -> str:
        """Verdict, evidence and advice: mode collapse since step 315: 100 samples have 0.41 of the real diversity. Try: ..."""
        advice = f" Try: {' '.join(self.advice)}" if self.advice else ""
        return f"{self.words} since step {self.since}: {' '.join(self.evidence)}{advice}"


def read_verdicts(run: Folder) -> list[Verdict]:
    """All verdicts in diagnosis.jsonl, in order; none if the run was never judged. Raises DataError at a damaged line."""
    if not run.exists(DIAGNOSIS):
        return []
    lines = run.read(DIAGNOSIS).decode(errors="replace").splitlines()
    return [_verdict(run, line, number) for number, line in enumerate(lines, 1)]


def newest_verdict(run: Folder) -> Verdict | None:
    """The last verdict in diagnosis.jsonl, at the same cost for a file of any length. Raises DataError if it is damaged."""
    if not run.exists(DIAGNOSIS):
        return None
    start = max(0, run.size(DIAGNOSIS) - _TAIL)
    lines = run.read_range(DIAGNOSIS, start, _TAIL).decode(errors="replace").split("\n")
    # After the last line break there may be the beginning of a line.
    return _verdict(run, lines[-2], None) if len(lines) > 1 else None


def write_verdicts(run: Folder, verdicts: Iterable[Verdict]) -> None:
    """Replace diagnosis.jsonl by these verdicts."""
    run.write(DIAGNOSIS, "".join(json.dumps(asdict(verdict)) + "\n" for verdict in verdicts).encode())


def _verdict(run: Folder, line: str, number: int | None) -> Verdict:
    try:
        document: dict[str, Any] = json.loads(line)
        evidence, advice = (tuple(document.pop(name)) for name in ("evidence", "advice"))
        return Verdict(**document, evidence=evidence, advice=advice)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        place = f"line {number}" if number else "its last line"
        raise DataError(
            f"{run.locate(DIAGNOSIS)}: {place} is damaged; 'gan-train diagnose {run.uri} --write' writes it anew"
        ) from error
