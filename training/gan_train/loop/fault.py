"""Faults that end an attempt at training early, and the return to an earlier step.

A divergence (divergence.py) and a failure that lasts (failure.py) end alike. By --on-divergence or --on-failure either

stop       the run ends with exit code 4
rollback   the run returns to the newest checkpoint from before the fault, or to its beginning if there is none, and goes
           on with other random numbers. It does so at most --max-rollbacks times in its life, then it stops

runs/rollbacks.py has the record of both kinds.
"""

from dataclasses import dataclass
from typing import Literal

from gan_core.errors import DivergenceError, FailedRunError, GanmillError
from gan_core.notices import warn
from gan_train.loop.job import Job
from gan_train.recipe.section import section_key
from gan_train.runs.checkpoint import remove_checkpoint
from gan_train.runs.layout import committed_steps, step_name
from gan_train.runs.rollbacks import Rollback, Rollbacks, write_rollbacks


@dataclass(frozen=True)
class Fault:
    """Why training does not go on from here.

    Attributes:
        kind: "divergence" or "failure".
        step: at which it was found.
        name: of what was not finite, such as "d.loss"; or the kind of failure, such as "mode-collapse".
        player: whose number was not finite; "" of a failure.
        value: that number; or "since step 315" of a failure.
        summary: what happened, without a full stop.
        description: the same with evidence and advice; for the message that ends the run.
        sound_until: checkpoints of this step and earlier ones are from before the fault.
    """

    kind: Literal["divergence", "failure"]
    step: int
    name: str
    player: str
    value: str
    summary: str
    description: str
    sound_until: int


class FaultError(Exception):
    """Ends an attempt at training; `trainer.fit` applies the policy for its fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.summary)
        self.fault = fault


def roll_back(job: Job, rollbacks: Rollbacks, fault: Fault) -> Rollbacks:
    """Prepare the run folder for an attempt from before the fault.

    Checkpoints from after it are removed, since training from the earlier step makes them again.

    Args:
        job: what is trained, and the policy.
        rollbacks: those of the run so far.
        fault: what happened now.

    Returns:
        The rollbacks with the new one.

    Raises:
        DivergenceError, FailedRunError: the policy is to stop, or allows no more rollbacks.
    """
    policy = job.operation.on_divergence if fault.kind == "divergence" else job.operation.on_failure
    if policy != "rollback" or len(rollbacks) >= job.operation.max_rollbacks:
        raise ended_by(job, rollbacks, fault)
    steps = committed_steps(job.run)
    restored = max((step for step in steps if step <= fault.sound_until), default=0)
    # Newest first, and all of them before the record: killed in between, the run meets the fault again and comes here again.
    for step in reversed(steps):
        if step > restored:
            remove_checkpoint(job.run, step)
    rollbacks = (*rollbacks, Rollback(fault.step, fault.name, fault.player, fault.value, restored))
    write_rollbacks(job.run, rollbacks)
    count = f"rollback {len(rollbacks)} of {job.operation.max_rollbacks}"
    warn(f"{fault.summary}; back to step {restored} with other random numbers ({count})")
    return rollbacks


def ended_by(job: Job, rollbacks: Rollbacks, fault: Fault) -> GanmillError:
    """The error that ends a run by a fault; status.json says so, too. See `roll_back` for the arguments."""
    saved = committed_steps(job.run)
    newest = f"the newest checkpoint is {step_name(saved[-1])}" if saved else "no checkpoint was written yet"
    after = f" after {len(rollbacks)} rollback{'s' * (len(rollbacks) > 1)}" if rollbacks else ""
    if fault.kind == "failure":
        job.write_status("failed", fault.step)
        return FailedRunError(
            f"{job.run.uri}: {fault.description} Stopped at step {fault.step}{after}; {newest}. --on-failure warn goes on."
        )
    job.write_status("diverged", fault.step)
    if rollbacks:
        after += f" ({', '.join(f'from {one.step} to {one.restored}' for one in rollbacks)})"
    return DivergenceError(f"{job.run.uri}: {fault.description}{after}; {newest}. {_remedy(job, rollbacks, fault.player)}")


def _remedy(job: Job, rollbacks: Rollbacks, player: str) -> str:
    """Advice after a divergence: a rollback while the run has some left, and a smaller learning rate of the player."""
    allowed = job.operation.max_rollbacks
    slower = _slower(job, player)
    if len(rollbacks) < allowed:
        return f"Try --on-divergence rollback, or {slower}"
    return f"The run has used all of its rollbacks (--max-rollbacks {allowed}). Try {slower}"


def _slower(job: Job, player: str) -> str:
    """Advice of a smaller learning rate of a player, by the key of its optimizer; of no player where the name is of none."""
    found = job.system.players.get(player)
    key = section_key(job.recipe, found.config) if found else None
    if found is None or key is None:
        return "a smaller learning rate in a new folder"
    rate = found.config.learning_rate
    return f"a smaller learning rate of the {player} in a new folder, such as --set {key}.learning_rate={rate / 10:g}"
