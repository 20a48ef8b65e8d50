"""Committing a checkpoint, and removing those that are no longer needed."""

from gan_train.logs.metrics_log import read_metrics
from gan_train.loop.job import Job
from gan_train.runs.checkpoint import remove_all_but, save_checkpoint
from gan_train.runs.layout import committed_steps
from gan_train.runs.retention import kept_steps


def commit(job: Job, step: int, well_at: int) -> None:
    """Commit a checkpoint of the system as it is after a step, and remove those that --keep does not keep.

    Args:
        job: what is trained.
        step: the one it stands at.
        well_at: the last step at which the training was judged well, or 0. The newest checkpoint up to it stays where a
            failure would return to it.
    """
    save_checkpoint(job.run, job.system, step, job.dataset.manifest.digest)
    keep, saved = job.operation.keep, committed_steps(job.run)
    rows = list(read_metrics(job.run)) if keep.best else []
    kept = kept_steps(saved, rows, keep)
    if 0 in saved:
        # The first weights of a run that took them from another one, which may be gone when they are needed again.
        kept.add(0)
    if job.operation.on_failure == "rollback":
        kept |= set([one for one in saved if one <= well_at][-1:])
    remove_all_but(job.run, kept)
    job.write_status("training", step)
