"""Opens the writers of an attempt at training: logs, curves, diagnosis, report, progress, pictures."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from gan_core.notices import warn
from gan_train.diagnosis.live import LiveDiagnosis
from gan_train.galleries.open import open_gallery
from gan_train.logs.clock import Clock
from gan_train.logs.curves import CurvesWriter
from gan_train.logs.metrics_log import Row, read_metrics
from gan_train.logs.metrics_writer import MetricsWriter
from gan_train.logs.progress import ProgressWriter
from gan_train.logs.tensorboard import TensorBoardWriter
from gan_train.logs.trackers import open_tracker
from gan_train.logs.writer import LoggedSteps, MultiWriter, Writer
from gan_train.loop.divergence import DivergenceGuard, FiniteCheck
from gan_train.loop.job import Job
from gan_train.loop.schedule import is_due
from gan_train.loop.session import Session
from gan_train.loop.stopping import EarlyStopping
from gan_train.numerics.precision import resolved
from gan_train.pages.report import LiveReport
from gan_train.runs.rollbacks import Rollbacks
from gan_train.runs.run_folder import read_record
from gan_train.runs.sessions import judged_recipe, read_sessions
from gan_train.scoring.snapshot_fid import SnapshotFID


@contextmanager
def open_session(job: Job, start: int, rollbacks: Rollbacks) -> Iterator[Session]:
    """Open the writers of an attempt at training, and close them after the block.

    Args:
        job: what is trained; its system is at step `start`.
        start: the step to begin at.
        rollbacks: those of the run so far.

    Raises:
        DataError: the examples that pictures show cannot be read, or a log is damaged.
        StorageError: the run folder cannot be written.
    """
    run, recipe = job.run, job.recipe
    with ExitStack() as stack:
        metrics = stack.enter_context(closing(MetricsWriter(run, start)))
        tensorboard = stack.enter_context(closing(TensorBoardWriter(run, start)))
        stopping = EarlyStopping(run, job.stop, read_metrics(run), warn) if job.stop and job.reports else None
        chiefs: list[Writer] = [stopping] if stopping else []
        if job.reports:
            for name in job.operation.track:
                chiefs.append(stack.enter_context(closing(open_tracker(name, run, recipe))))
        clock = Clock(metrics.last)
        gallery = open_gallery(recipe, job.system, job.dataset, run)
        judged = judged_recipe(read_record(run).recipe, read_sessions(run))
        diagnosis = LiveDiagnosis(run, judged, read_metrics(run), warn if job.reports else _ignore)
        check = FiniteCheck(job.system, resolved(recipe.precision))

        def is_logged(step: int) -> bool:
            return any(is_due(step, every, recipe.steps) for every in (recipe.log_every, recipe.snapshot_every))

        logged = LoggedSteps(is_logged, [metrics, tensorboard, CurvesWriter(run), diagnosis, LiveReport(run), *chiefs])
        followers: list[Writer] = [logged, *job.followers]
        if job.reports:
            position: Row = {"step": start, "elapsed": clock.elapsed}
            progress = ProgressWriter(position, recipe.steps, lambda: diagnosis.words)
            followers.append(stack.enter_context(closing(progress)))
        guard = DivergenceGuard(check, job.operation.on_divergence, recipe.log_every, diagnosis)
        evaluator = SnapshotFID.of(recipe, job.system, job.dataset, job.operation.evaluate_every)
        yield Session(job, start, rollbacks, MultiWriter(followers), clock, gallery, diagnosis, guard, evaluator, stopping)


def _ignore(message: str) -> None:
    """A writer for workers other than the chief, which report nothing."""
