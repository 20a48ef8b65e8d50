"""Verdicts on a training, and diagnosis.jsonl: one line for each time a training was judged."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_train.runs.layout import DIAGNOSIS

WARMING_UP, STABLE = "warming-up", "stable"
"""Kinds of verdicts that no rule gives."""

_TAIL = 1 << 14
"""Bytes at the end that hold a line."""


@dataclass(frozen=True)
class Verdict:
    """How a training stands at a step.

    Attributes:
        step: at which it was judged.
        kind: name of the rule that decided: "stable", "mode-collapse"; "warming-up" before anything can be said.
        failing: whether it is a failure, not only something worth knowing.
        since: step from which on the kind was judged without a break.
        words: the verdict in a few words: "mode collapse".
        evidence: what was seen, a sentence each.
        advice: what to try, a sentence each; none for what is well.
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
        """For a progress line; "" while nothing can be said."""
        return "" if self.kind == WARMING_UP else self.words

    def __str__(self) -> str:
        """For people: mode collapse since step 315: 100 samples have 0.41 of the real diversity. Try: a larger latent."""
        tried = f" Try: {' '.join(self.advice)}" if self.advice else ""
        return f"{self.words} since step {self.since}: {' '.join(self.evidence)}{tried}"


def read_verdicts(run: Folder) -> list[Verdict]:
    """All lines of diagnosis.jsonl, in order; none if it was never judged. Raises DataError at a damaged one."""
    if not run.exists(DIAGNOSIS):
        return []
    lines = run.read(DIAGNOSIS).decode(errors="replace").splitlines()
    return [_verdict(run, line, number) for number, line in enumerate(lines, 1)]


def newest_verdict(run: Folder) -> Verdict | None:
    """The last line of diagnosis.jsonl, at the same cost for a file of any length. Raises DataError if it is damaged."""
    if not run.exists(DIAGNOSIS):
        return None
    start = max(0, run.size(DIAGNOSIS) - _TAIL)
    lines = run.read_range(DIAGNOSIS, start, _TAIL).decode(errors="replace").split("\n")
    # After the last line break there may be the beginning of a line.
    return _verdict(run, lines[-2], None) if len(lines) > 1 else None


def write_verdicts(run: Folder, verdicts: Iterable[Verdict]) -> None:
    """Replace diagnosis.jsonl."""
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
