"""Decides when a failure has lasted long enough for --on-failure to apply.

warn             the run goes on, with a warning when a failure begins
stop, rollback   the attempt at training ends after a checkpoint, as fault.py says. After a stop the same command would stop
                 again at once, without a step; with --on-failure warn the run goes on

Failures such as mode collapse often recover by themselves, so both wait: `PATIENCE` windows from where the failure was first
judged, and fewer for a convergence failure that was there as soon as the run could be judged. Numbers that are not finite
are not treated here but in divergence.py.
"""

from gan_train.diagnosis.judge import Diagnosis
from gan_train.diagnosis.rules.certainty import MIXED_STATISTICS, TOO_AGGRESSIVE
from gan_train.diagnosis.rules.non_finite import NON_FINITE
from gan_train.loop.fault import Fault

PATIENCE = 6
"""In windows of the diagnosis; see docs/measurements.md, "Failures that recovered"."""

PATIENCE_FROM_THE_START = 2
"""In windows, for a convergence failure that was there at the first verdict: it did not arise in training."""


def lasting_failure(diagnosis: Diagnosis) -> Fault | None:
    """The failure that a run is in, once it has lasted longer than the patience; else None."""
    verdict, since = diagnosis.standing, diagnosis.failing_since
    if verdict is None or since is None or verdict.kind == NON_FINITE:
        return None
    from_the_start = diagnosis.well_at == 0 and verdict.kind in (MIXED_STATISTICS, TOO_AGGRESSIVE)
    patience = PATIENCE_FROM_THE_START if from_the_start else PATIENCE
    if verdict.step - since < patience * diagnosis.window:
        return None
    return Fault(
        "failure",
        step=verdict.step,
        name=verdict.kind,
        player="",
        value=f"since step {verdict.since}",
        summary=f"{verdict.words} since step {verdict.since}",
        description=str(verdict),
        sound_until=diagnosis.well_at,
    )
