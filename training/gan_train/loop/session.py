"""One attempt at training: from the newest checkpoint to the last step, or to what ends it early."""

import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import numpy as np
import tensorflow as tf

from gan_core.errors import InterruptedRunError
from gan_core.interruption import Interruption
from gan_train.data.input import Chunks
from gan_train.data.reader import CorruptShardError
from gan_train.diagnosis.live import LiveDiagnosis
from gan_train.galleries.base import Gallery, Snapshot
from gan_train.logs.clock import Clock
from gan_train.logs.metrics_log import Row
from gan_train.logs.writer import Writer
from gan_train.loop.divergence import DivergenceGuard
from gan_train.loop.failure import lasting_failure
from gan_train.loop.fault import Fault, FaultError, ended_by
from gan_train.loop.job import Job
from gan_train.loop.pace import Pace
from gan_train.loop.rows import metric_rows
from gan_train.loop.saving import commit
from gan_train.loop.schedule import call_lengths, is_due
from gan_train.loop.stopping import EarlyStopping
from gan_train.runs.dataset_facts import write_dataset_facts
from gan_train.runs.layout import REALS, RECIPE, RECORD, committed_steps
from gan_train.runs.rollbacks import Rollbacks
from gan_train.sampling.snapshots import write_model, write_samples
from gan_train.scoring.snapshot_fid import SnapshotFID
from gan_train.systems.gradients import Execution
from gan_train.systems.step import StepFunction, build_steps


@dataclass(frozen=True)
class Reached:
    """Where a training ended.

    Attributes:
        step: the last one it took.
        samples: name of the newest sample grid in the run folder.
        reason: why it ended before its last step, or "".
    """

    step: int
    samples: str
    reason: str = ""


@dataclass(frozen=True)
class Session:
    """One attempt at training. Its loop: take a batch, train and check, take a snapshot, write the log, save a checkpoint.

    Attributes:
        job: what is trained.
        start: the step to begin at.
        rollbacks: those of the run so far; they decide its random numbers.
        writer: everything that follows the training.
        clock: counts seconds.
        gallery: makes the pictures of a snapshot.
        diagnosis: judges the training as rows are written.
        guard: checks that numbers are finite.
        evaluator: measures the FID at snapshots; None where it is not measured.
        stopping: tells when the run ends by itself; None where it does not, and in all workers but the chief.
        pace: decides the length of calls.
    """

    job: Job
    start: int
    rollbacks: Rollbacks
    writer: Writer
    clock: Clock
    gallery: Gallery
    diagnosis: LiveDiagnosis
    guard: DivergenceGuard
    evaluator: SnapshotFID | None
    stopping: EarlyStopping | None
    pace: Pace = field(default_factory=Pace)

    def train(self, interruption: Interruption) -> Reached:
        """Train to the last step, or to where --stop-when ends the run.

        Raises:
            FaultError: a number is not finite, or the training fails for long, and the policy is not to warn.
            CorruptShardError: a shard was damaged after all of them were checked.
            InterruptedRunError: it was asked to stop; a checkpoint of the step reached is committed.
            DivergenceError: at the last step a weight is not finite, although the policy is to warn.
            DataError, StorageError: as input and storage say.
        """
        job, step, samples, reason = self.job, self.start, "", ""
        if failure := self._failure(step):
            raise FaultError(failure)
        job.write_status("training", step)
        self.writer.write_start(step, len(self.rollbacks))
        if not job.run.exists(REALS):
            self._introduce()
        lengths = list(call_lengths(step, job.recipe))
        system, seed = job.system, job.recipe.seed
        chunks = Chunks(job.dataset, seed, job.strategy, step, lengths, system.batches_per_step, system.reals_per_batch)
        restored = [one.restored for one in self.rollbacks]
        execution = Execution(job.recipe.accumulate, job.recipe.remat, job.jit)
        run_steps = build_steps(system, job.strategy, seed, restored, chunks.spec, execution)
        for length in lengths:
            chunk = self._take(chunks, step)
            rows = self._call(run_steps, chunk, step, length, chunks.waited, interruption)
            step += len(rows)
            snapshot = self._look(step)
            samples = self._tell(step, rows, snapshot) or samples
            reason = self._save(step, interruption)
            if reason:
                break
        job.write_status("finished", step, reason)
        return Reached(step, samples, reason)

    def _introduce(self) -> None:
        """Write the files that describe the run, once. The picture of real examples is last: its presence marks that all are
        written."""
        reals = self.gallery.reals()
        self.writer.write_picture("reals", 0, reals)
        recipe, record = (self.job.run.read(name).decode() for name in (RECIPE, RECORD))
        self.writer.write_text("recipe", 0, f"```yaml\n{recipe}```\n\n```json\n{record}```")
        self.writer.flush()
        write_dataset_facts(self.job.run, self.job.dataset)
        self.job.run.write(REALS, reals)

    def _take(self, chunks: Chunks, step: int) -> tf.distribute.DistributedValues:
        """The next chunk. If a shard of it is damaged now and is to be left out, the step reached is saved first."""
        try:
            return chunks.take()
        except CorruptShardError:
            unsaved = step > 0 and step not in committed_steps(self.job.run)
            if self.job.operation.on_corrupt == "skip-shard" and unsaved and not self.guard.variables(step):
                self._commit(step)
            raise

    def _call(
        self,
        run_steps: StepFunction,
        chunk: tf.distribute.DistributedValues,
        step: int,
        length: int,
        waited: float,
        interruption: Interruption,
    ) -> list[Row]:
        """Train the `length` steps of a chunk after `step`, check their values, and return their rows.

        There are fewer rows than `length` if it was asked to stop. The chunk took `waited` seconds.
        """
        began, done, parts = time.monotonic(), 0, []
        while done < length and not (done and self._stops_here(interruption, step + done)):
            steps, called = self.pace.steps(length - done), time.monotonic()
            # The first call is compiled before it takes its step.
            with nullcontext() if self.pace.compiled else interruption.at_once():
                values = run_steps(chunk, tf.constant(done), tf.constant(step + done, tf.int64), tf.constant(steps))
            done += steps
            # The check waits for the device, so the time ends here.
            self.guard.metrics(values, step + done)
            self.pace.note(interruption.slowest((time.monotonic() - called) / steps))
            parts.append(values.numpy())
        seconds = waited + time.monotonic() - began
        rows = metric_rows(self.job.system, np.concatenate(parts), step + done)
        costs = self.clock.rows(done, seconds, waited, self.job.recipe.batch_size)
        skipped = {"input_skipped": self.job.dataset.skipped_share} if self.job.dataset.skipped else {}
        return [row | skipped | cost for row, cost in zip(rows, costs, strict=True)]

    @staticmethod
    def _stops_here(interruption: Interruption, step: int) -> bool:
        """Whether to stop between two calls of one chunk. A run that has done what it was to do ends where something is due."""
        return interruption.check(step) and not interruption.done

    def _look(self, step: int) -> Snapshot | None:
        """The pictures and scores of a snapshot, if one is due and all weights are finite; else None."""
        recipe = self.job.recipe
        if not is_due(step, recipe.snapshot_every, recipe.steps) or self.guard.variables(step):
            return None
        with self.clock.standing_still("snapshot"):
            self.job.system.settle()
            snapshot = self.gallery.snapshot(step)
            scores = self.evaluator.scores(step) if self.evaluator else {}
            return replace(snapshot, scores=snapshot.scores | scores)

    def _tell(self, step: int, rows: list[Row], snapshot: Snapshot | None) -> str | None:
        """Pass rows and snapshot to the writers; return the name of the new sample grid, if there is one."""
        if snapshot:
            rows[-1] |= {f"snapshot.{name}": value for name, value in snapshot.scores.items()}
        for row in rows:
            self.writer.write_row(row)
        self.writer.flush()
        if not snapshot:
            return None
        with self.clock.standing_still("snapshot"):
            samples = write_samples(self.job.run, snapshot.samples, step)
            self.writer.write_picture("samples", step, snapshot.samples)
            for kind, network in self.job.system.models.items():
                write_model(self.job.run, kind, network, step)
            self.writer.write_summary()
        return samples

    def _save(self, step: int, interruption: Interruption) -> str:
        """Commit a checkpoint if one is due, and end the attempt if training must not go on.

        Returns:
            Why the run has done what it was to do before its last step, or "".
        """
        recipe, divergence = self.job.recipe, None
        failure = self._failure(step)
        if failure and self.job.operation.on_failure == "stop":
            interruption.ask("--on-failure stop")
        elif self.stopping and step < recipe.steps and step % recipe.snapshot_every == 0:
            reason = self.stopping.reason(step)
            if reason:
                interruption.ask(reason, done=True)
        stopping = interruption.check(step)
        if stopping or is_due(step, recipe.checkpoint_every, recipe.steps):
            divergence = self.guard.variables(step)
            if not divergence:
                self._commit(step)
        if divergence and step == recipe.steps:
            raise ended_by(self.job, self.rollbacks, divergence.fault)
        if failure:
            raise FaultError(failure)
        if stopping and interruption.done and not divergence and step < recipe.steps:
            return interruption.name
        if stopping and not interruption.done and step < recipe.steps:
            self.job.write_status("interrupted", step)
            saved = "which is not finite and was not saved" if divergence else "checkpoint committed"
            raise InterruptedRunError(
                f"{self.job.run.uri}: stopped by {interruption.name} at step {step} of {recipe.steps}, {saved}; "
                "run the same command again to continue"
            )
        return ""

    def _commit(self, step: int) -> None:
        with self.clock.standing_still("checkpoint"):
            commit(self.job, step, self.diagnosis.diagnosis.well_at)
        self.writer.write_checkpoint(step)

    def _failure(self, step: int) -> Fault | None:
        """The failure that ends this attempt, or None; none does at the last step."""
        applies = self.job.operation.on_failure != "warn" and step < self.job.recipe.steps
        return lasting_failure(self.diagnosis.diagnosis) if applies else None
