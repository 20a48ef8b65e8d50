"""Verdicts on a training, and diagnosis.jsonl, which has a line for each."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from gan_core.documents import PrintableText, Whole, parse_json_line, read_json_lines
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

    step: Whole
    kind: PrintableText
    failing: bool
    since: Whole
    words: PrintableText
    evidence: tuple[PrintableText, ...]
    advice: tuple[PrintableText, ...] = ()

    @property
    def in_short(self) -> str:
        """The verdict for a progress line; "" while it is too early to judge."""
        return "" if self.kind == WARMING_UP else self.words

    def __str__(self) -> str:
        """Verdict, evidence and advice: mode collapse since step 315: 100 samples have 0.41 of the real diversity. Try: ..."""
        advice = f" Try: {' '.join(self.advice)}" if self.advice else ""
        return f"{self.words} since step {self.since}: {' '.join(self.evidence)}{advice}"


_VERDICT = TypeAdapter(Verdict)


def read_verdicts(run: Folder) -> list[Verdict]:
    """All verdicts in diagnosis.jsonl, in order; none if the run was never judged. Raises DataError at a damaged line."""
    if not run.exists(DIAGNOSIS):
        return []
    return [verdict for _, verdict in read_json_lines(run, DIAGNOSIS, _VERDICT, _remedy(run), cut_end=True)]


def newest_verdict(run: Folder) -> Verdict | None:
    """The last verdict in diagnosis.jsonl, at the same cost for a file of any length. Raises DataError if it is damaged."""
    if not run.exists(DIAGNOSIS):
        return None
    start = max(0, run.size(DIAGNOSIS) - _TAIL)
    lines = run.read_range(DIAGNOSIS, start, _TAIL).split(b"\n")
    # After the last line break there may be the beginning of a line.
    if len(lines) == 1:
        return None
    return parse_json_line(lines[-2], _VERDICT, run.locate(DIAGNOSIS), "its last line", _remedy(run))


def write_verdicts(run: Folder, verdicts: Iterable[Verdict]) -> None:
    """Replace diagnosis.jsonl by these verdicts."""
    run.write(DIAGNOSIS, "".join(json.dumps(asdict(verdict)) + "\n" for verdict in verdicts).encode())


def _remedy(run: Folder) -> str:
    return f"'gan-train diagnose {run.uri} --write' writes the file again"
