"""Judges a run while it trains: diagnosis.jsonl grows with metrics.jsonl, and a warning says when a failure begins."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict

from gan_core.storage import LocalFolder, storage_errors
from gan_train.diagnosis.judge import Diagnosis, verdict_on
from gan_train.diagnosis.rules.non_finite import non_finite_finding
from gan_train.logs.metrics_log import Row
from gan_train.logs.verdict import Verdict, write_verdicts
from gan_train.logs.writer import Writer
from gan_train.recipe.base import Recipe
from gan_train.runs.layout import DIAGNOSIS


class LiveDiagnosis(Writer):
    """Judges a run row by row. When it is opened, it judges the rows so far and replaces diagnosis.jsonl. So verdicts on steps
    that will be repeated disappear, and the others stay as they were.

    Args:
        run: the run folder.
        recipe: the recipe in the folder, so that a session with more steps judges as the sessions before it.
        rows: rows of the log so far.
        warn: takes a message when a failure begins.

    Attributes:
        diagnosis: the judge.
    """

    def __init__(self, run: LocalFolder, recipe: Recipe, rows: Iterable[Row], warn: Callable[[str], None]) -> None:
        self._run, self._warn = run, warn
        self.diagnosis = Diagnosis(recipe)
        write_verdicts(run, [verdict for row in rows if (verdict := self.diagnosis.add(row))])

    @property
    def words(self) -> str:
        """The newest verdict, in a few words, for the progress line."""
        return self.diagnosis.standing.in_short if self.diagnosis.standing else ""

    def write_row(self, row: Row) -> None:
        """Take one more row of the log, and write the verdict if this is a step to judge at."""
        before = self.diagnosis.standing
        verdict = self.diagnosis.add(row)
        if verdict is None:
            return
        self._write(verdict)
        if verdict.failing and (before is None or before.kind != verdict.kind):
            self._warn(str(verdict))

    def not_finite(self, step: int, evidence: str, player: str) -> None:
        """Write that the run ends here with a number of this player that is not finite, which no row of the log can hold."""
        self._write(verdict_on(non_finite_finding(evidence, player), step, self.diagnosis.standing))

    def _write(self, verdict: Verdict) -> None:
        path = self._run.path / DIAGNOSIS
        with storage_errors(path), open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")
        self._run.appended(DIAGNOSIS)
