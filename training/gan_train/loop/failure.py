"""What a training that fails leads to, as `--on-failure` says. Numbers that are not finite are divergence.py's.

warn       a failure is told when it begins, and the run goes on
stop       the run ends after a checkpoint, exit 4. The same command would stop at once again, without a step; with
           --on-failure warn it goes on
rollback   the run returns to its newest checkpoint from before the failure, or to its beginning, and goes on with other
           random numbers, at most --max-rollbacks times in its life; then it stops

Failures recover (spec C 1.5), so both wait: `PATIENCE` windows from where the failure was first judged, and less for a
convergence failure that was there as soon as the run could be judged. Checkpoints from after the one returned to are
removed, since training from it makes them again.
"""

import sys

from gan_core.errors import FailedRunError
from gan_core.storage import Folder
from gan_train.diagnosis.judge import Diagnosis
from gan_train.diagnosis.rules.certainty import MIXED_STATISTICS, TOO_AGGRESSIVE
from gan_train.diagnosis.rules.non_finite import NON_FINITE
from gan_train.logs.verdict import Verdict
from gan_train.runs.checkpoint import remove_checkpoint
from gan_train.runs.layout import committed_steps, step_name
from gan_train.runs.operation import Operation
from gan_train.runs.rollbacks import Rollback, Rollbacks, write_rollbacks
from gan_train.runs.run_folder import write_status

PATIENCE, PATIENCE_FROM_THE_START = 6, 2
"""Windows. The longest failure that recovered was celeba-gan's, of some 300 steps, most of them before it is judged; spec C
1.5 has 2 windows for a convergence failure from the start."""


class FailedError(Exception):
    """Ends an attempt at training; `fit` answers it by the policy.

    Attributes:
        verdict: that stood.
        well_at: the last step at which the run was judged well, or 0.
    """

    def __init__(self, verdict: Verdict, well_at: int) -> None:
        super().__init__(str(verdict))
        self.verdict, self.well_at = verdict, well_at


def lasting_failure(diagnosis: Diagnosis) -> FailedError | None:
    """The failure that stands, once patience with it is at an end."""
    verdict, since = diagnosis.standing, diagnosis.failing_since
    if verdict is None or since is None or verdict.kind == NON_FINITE:
        return None
    from_the_start = diagnosis.well_at == 0 and verdict.kind in (MIXED_STATISTICS, TOO_AGGRESSIVE)
    patience = PATIENCE_FROM_THE_START if from_the_start else PATIENCE
    return FailedError(verdict, diagnosis.well_at) if verdict.step - since >= patience * diagnosis.window else None


def returned(run: Folder, steps: int, operation: Operation, rollbacks: Rollbacks, failed: FailedError) -> Rollbacks:
    """Return to before the failure: remove the checkpoints after it and record the rollback.

    Args:
        run: its folder.
        steps: the run's last step.
        operation: the policy.
        rollbacks: those so far.
        failed: what happened now.

    Raises:
        FailedRunError: the policy is to stop, or allows no more.
    """
    if operation.on_failure != "rollback" or len(rollbacks) >= operation.max_rollbacks:
        raise _stopped(run, steps, rollbacks, failed.verdict)
    restored = max((step for step in committed_steps(run) if step <= failed.well_at), default=0)
    # Newest first, and all before the record: killed in between, the run fails once more and comes here again.
    for step in reversed(committed_steps(run)):
        if step > restored:
            remove_checkpoint(run, step)
    verdict = failed.verdict
    rollbacks = (*rollbacks, Rollback(verdict.step, verdict.kind, "", f"since step {verdict.since}", restored))
    write_rollbacks(run, rollbacks)
    count = f"rollback {len(rollbacks)} of {operation.max_rollbacks}"
    told = f"{verdict.words} since step {verdict.since}"
    print(f"warning: {told}; back to step {restored} with other random numbers ({count})", file=sys.stderr, flush=True)
    return rollbacks


def _stopped(run: Folder, steps: int, rollbacks: Rollbacks, verdict: Verdict) -> FailedRunError:
    """The end of a failed run, in words and in its status."""
    write_status(run, "failed", verdict.step, steps)
    saved = committed_steps(run)
    kept = f"the newest checkpoint is {step_name(saved[-1])}" if saved else "no checkpoint was written yet"
    tried = f" after {len(rollbacks)} rollback{'s' * (len(rollbacks) > 1)}" if rollbacks else ""
    return FailedRunError(f"{run.uri}: {verdict} Stopped at step {verdict.step}{tried}; {kept}. --on-failure warn goes on.")
