"""The verdicts on a whole run, computed anew from its folder alone, without TensorFlow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gan_core.storage import Folder
from gan_train.diagnosis.judge import diagnose, verdict_on
from gan_train.diagnosis.rules.non_finite import non_finite_finding
from gan_train.logs.metrics_log import read_metrics
from gan_train.logs.verdict import Verdict
from gan_train.runs.run_folder import read_record, read_status
from gan_train.runs.sessions import judged_recipe, read_sessions


@dataclass(frozen=True)
class Stretch:
    """Successive verdicts of one kind.

    Attributes:
        first: the first verdict.
        last: the last verdict.
    """

    first: Verdict
    last: Verdict

    def __str__(self) -> str:
        """A line such as "from step 135 to 450: mode collapse"."""
        return f"from step {self.first.step} to {self.last.step}: {self.last.words}"


def diagnose_run(run: Folder) -> list[Verdict]:
    """All verdicts on a run, in order; empty before the first step to judge at.

    Raises:
        DataError: the folder holds no run, or a damaged one.
        StorageError: it cannot be read.
    """
    verdicts = diagnose(judged_recipe(read_record(run).recipe, read_sessions(run)), read_metrics(run))
    status = read_status(run)
    if status and status.state == "diverged":
        # The step that was not finite was not logged.
        evidence = f"The run ended with a number that was not finite at step {status.step}."
        verdicts.append(verdict_on(non_finite_finding(evidence), status.step, verdicts[-1] if verdicts else None))
    return verdicts


def stretches(verdicts: Sequence[Verdict]) -> Iterator[Stretch]:
    """Verdicts in order, with successive ones of one kind as one stretch."""
    for _, alike in groupby(verdicts, key=lambda verdict: verdict.kind):
        first, *rest = alike
        yield Stretch(first, (rest or [first])[-1])
