"""The only training loop: attempt after attempt, until the last step is reached. It does not know which GAN it trains."""

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from gan_core.errors import DataError
from gan_core.interruption import Interruption
from gan_train.data.reader import CorruptShardError
from gan_train.loop.fault import FaultError, roll_back
from gan_train.loop.job import Job
from gan_train.loop.opening import open_session
from gan_train.loop.session import Reached
from gan_train.runs.checkpoint import named_variables, remove_uncommitted, restore_checkpoint
from gan_train.runs.layout import committed_steps
from gan_train.runs.rollbacks import read_rollbacks
from gan_train.runs.skipped import without_shard

Values = dict[str, NDArray[Any]]
"""Variables by name."""


def fit(job: Job, interruption: Interruption) -> Reached:
    """Train to the last step of the job's recipe, from the newest checkpoint of the run if it has one.

    A rollback, or a shard that is found damaged, ends an attempt. The next attempt starts as a resumed run does.

    Raises:
        InterruptedRunError: it was asked to stop; a checkpoint of the step reached is committed.
        DivergenceError: a number is not finite, and the policy ends the run; the newest checkpoint is from before that.
        FailedRunError: the training fails for long, and the policy ends it; a checkpoint of the step reached is committed.
        DataError, StorageError, UsageError: as input and storage say; the newest checkpoint stays.
    """
    may_begin_again = job.operation.on_failure == "rollback" or not committed_steps(job.run)
    initial = {name: values.numpy() for name, values in named_variables(job.system).items()} if may_begin_again else {}
    rollbacks = read_rollbacks(job.run)
    while True:
        start = _restore(job, initial)
        try:
            with open_session(job, start, rollbacks) as session:
                return session.train(interruption)
        except FaultError as error:
            rollbacks = roll_back(job, rollbacks, error.fault)
        except CorruptShardError as error:
            if job.operation.on_corrupt == "fail":
                raise
            job = replace(job, dataset=without_shard(job.dataset, job.run, error))


def _restore(job: Job, initial: Values) -> int:
    """Set the system to the newest checkpoint, or to its initial values, and return its step."""
    remove_uncommitted(job.run)
    steps = committed_steps(job.run)
    if steps:
        restore_checkpoint(job.run, job.system, steps[-1], job.dataset.manifest.digest)
        return steps[-1]
    if not initial:
        raise DataError(f"{job.run.uri}: its checkpoints are gone; put them back, or start a new run in another folder")
    for name, variable in named_variables(job.system).items():
        variable.assign(initial[name])
    return 0
