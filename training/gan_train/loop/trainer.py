"""fit(recipe, dataset, run, ...): the only training loop. It never knows which GAN it trains.

with workplace(open_folder(out), wish) as run:
    fit(recipe, dataset, run, strategy, system, Progress(), wish)
"""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_core.errors import DataError, InterruptedRunError
from gan_core.interruption import Interruption
from gan_core.storage import LocalFolder
from gan_train.data.dataset import Dataset
from gan_train.data.input import Chunks, CorruptShardError
from gan_train.diagnosis.live import LiveDiagnosis
from gan_train.galleries.base import Gallery
from gan_train.galleries.catalogue import open_gallery
from gan_train.logs.clock import Clock
from gan_train.logs.curves import Curves
from gan_train.logs.metrics_log import MetricsLog, Row, read_metrics
from gan_train.logs.progress import Progress
from gan_train.loop.divergence import DivergedError, Divergence, FiniteCheck, Warnings, diverged, rolled_back
from gan_train.loop.failure import FailedError, lasting_failure, returned
from gan_train.loop.schedule import call_lengths, is_due
from gan_train.numerics.precision import resolved
from gan_train.pages.dataset_facts import write_dataset_facts
from gan_train.pages.report import LiveReport
from gan_train.recipe.base import Recipe
from gan_train.runs.checkpoint import (
    named_variables,
    remove_all_but,
    remove_uncommitted,
    restore_checkpoint,
    save_checkpoint,
)
from gan_train.runs.layout import LOSSES, REALS, RECIPE, committed_steps
from gan_train.runs.operation import Operation
from gan_train.runs.retention import kept_steps
from gan_train.runs.rollbacks import Rollbacks, read_rollbacks
from gan_train.runs.run_folder import read_record, write_status
from gan_train.runs.skipped import without_shard
from gan_train.sampling.snapshots import write_model, write_samples
from gan_train.systems.base import System
from gan_train.systems.step import build_steps, metric_names, phase_metrics, rests


@dataclass(frozen=True)
class Ended:
    """How a call of `fit` ended: the step reached and the name of the last sample grid."""

    step: int
    samples: str


def fit(
    recipe: Recipe,
    dataset: Dataset,
    run: LocalFolder,
    strategy: tf.distribute.Strategy,
    system: System,
    progress: Progress,
    interruption: Interruption,
    operation: Operation,
) -> Ended:
    """Train to `recipe.steps`, from the newest checkpoint of the run if it has one.

    A rollback, or a shard that went bad, ends an attempt; the next one starts just as a resumed run would.

    Raises:
        InterruptedRunError: a signal arrived; a checkpoint of the step reached is committed.
        DivergenceError: a number is not finite, and the policy ends here; the newest checkpoint is from before that.
        FailedRunError: the training fails for long, and the policy ends here; a checkpoint of the step reached is committed.
        DataError, StorageError, UsageError: as input and storage say; the newest checkpoint is kept.
    """
    wanted = operation.on_failure == "rollback" or not committed_steps(run)
    initial = {name: values.numpy() for name, values in named_variables(system).items()} if wanted else {}
    rollbacks = read_rollbacks(run)
    while True:
        start = _restore(run, system, initial)
        log = MetricsLog(run, start)
        try:
            session = _Session(
                recipe,
                dataset,
                run,
                system,
                log,
                progress,
                operation,
                rollbacks,
                check=FiniteCheck(system, resolved(recipe.precision)),
                warnings=Warnings(recipe.log_every),
                clock=Clock(log.last),
                curves=Curves(read_metrics(run)),
                gallery=open_gallery(recipe, system, dataset, run),
                diagnosis=LiveDiagnosis(run, read_record(run).recipe, read_metrics(run), progress.say),
                report=LiveReport(run),
            )
            return session.train(strategy, start, interruption)
        except DivergedError as error:
            rollbacks = rolled_back(run, recipe.steps, operation, rollbacks, error.divergence)
        except FailedError as error:
            rollbacks = returned(run, recipe.steps, operation, rollbacks, error)
        except CorruptShardError as error:
            if operation.on_corrupt == "fail":
                raise
            dataset = without_shard(dataset, run, error)
        finally:
            log.close()


def _restore(run: LocalFolder, system: System, initial: dict[str, NDArray[Any]]) -> int:
    """Set the system to the newest checkpoint, or to its initial state; the step it then stands at."""
    remove_uncommitted(run)
    steps = committed_steps(run)
    if steps:
        restore_checkpoint(run, system, steps[-1])
        return steps[-1]
    if not initial:
        raise DataError(f"{run.uri}: its checkpoints are gone; put them back, or start a new run in another folder")
    for name, variable in named_variables(system).items():
        variable.assign(initial[name])
    return 0


@dataclass(frozen=True)
class _Session:
    """What one call of `fit` works with."""

    recipe: Recipe
    dataset: Dataset
    run: LocalFolder
    system: System
    log: MetricsLog
    progress: Progress
    operation: Operation
    rollbacks: Rollbacks
    check: FiniteCheck
    warnings: Warnings
    clock: Clock
    curves: Curves
    gallery: Gallery
    diagnosis: LiveDiagnosis
    report: LiveReport

    def train(self, strategy: tf.distribute.Strategy, start: int, interruption: Interruption) -> Ended:
        """The loop: one chunk of steps, then whatever is due."""
        recipe, step, samples = self.recipe, start, ""
        if failed := self._failed(start):
            raise failed
        write_status(self.run, "training", start, recipe.steps)
        if not self.run.exists(REALS):
            self._introduce()
        lengths = list(call_lengths(start, recipe))
        batches, reals = self.system.batches_per_step, self.system.reals_per_batch
        chunks = Chunks(self.dataset, recipe.seed, strategy, start, lengths, batches, reals)
        restored = [one.restored for one in self.rollbacks]
        run_steps = build_steps(self.system, strategy, recipe.seed, restored, chunks.spec)
        with self.progress.showing({"step": start, "elapsed": self.clock.elapsed}, recipe.steps):
            for length in lengths:
                chunk = self._take(chunks, step)
                began = time.monotonic()
                values = run_steps(chunk, tf.constant(step, tf.int64), tf.constant(length))
                self._judge(self.check.metrics(values, step + length))
                seconds = chunks.waited + time.monotonic() - began
                step += length
                rows = self._rows(step, values.numpy(), seconds, chunks.waited)
                look = is_due(step, recipe.snapshot_every, recipe.steps)
                broken = self._broken(step) if look else None
                seen = None
                if look and not broken:
                    with self.clock.standing_still("snapshot"):
                        seen = self.gallery.look(step)
                    rows[-1] |= {f"snapshot.{name}": value for name, value in seen.scores.items()}
                self._log(rows)
                if seen:
                    with self.clock.standing_still("snapshot"):
                        samples = self._snapshot(step, seen.samples)
                failed = self._failed(step)
                if failed and self.operation.on_failure == "stop":
                    interruption.ask("--on-failure stop")
                stopping = interruption.check(step)
                save = stopping or is_due(step, recipe.checkpoint_every, recipe.steps)
                if save and not look:
                    broken = self._broken(step)
                if save and not broken:
                    with self.clock.standing_still("checkpoint"):
                        self._checkpoint(step)
                if broken and step == recipe.steps:
                    raise diverged(self.run, recipe.steps, self.rollbacks, broken)
                if failed:
                    raise failed
                if stopping and step < recipe.steps:
                    self._interrupt(step, interruption.name, committed=not broken)
        write_status(self.run, "finished", step, recipe.steps)
        return Ended(step, samples)

    def _introduce(self) -> None:
        """Write once what the run is made of."""
        grid = self.gallery.reals()
        self.log.add_picture("reals", 0, grid)
        self.log.add_text("recipe", 0, f"```yaml\n{self.run.read(RECIPE).decode()}```")
        self.log.flush()
        write_dataset_facts(self.run, self.dataset)
        self.run.write(REALS, grid)

    def _take(self, chunks: Chunks, step: int) -> tf.distribute.DistributedValues:
        """The next chunk. Where a shard of it went bad and is to be left out, the step reached is saved first."""
        try:
            return chunks.take()
        except CorruptShardError:
            unsaved = step > 0 and step not in committed_steps(self.run)
            if self.operation.on_corrupt == "skip-shard" and unsaved and not self._broken(step):
                self._checkpoint(step)
            raise

    def _broken(self, step: int) -> Divergence | None:
        """What of the state is not finite and must not be saved, when the policy is to go on."""
        divergence = self.check.variables(step)
        self._judge(divergence)
        return divergence

    def _judge(self, divergence: Divergence | None) -> None:
        """Warn of what is not finite, or end this attempt."""
        if divergence and self.operation.on_divergence != "warn":
            self.diagnosis.not_finite(divergence.step, f"{divergence}.")
            raise DivergedError(divergence)
        if divergence:
            self.warnings.say(divergence)

    def _failed(self, step: int) -> FailedError | None:
        """The failure that ends this attempt. At the last step there is nothing to end."""
        acts = self.operation.on_failure != "warn" and step < self.recipe.steps
        return lasting_failure(self.diagnosis.diagnosis) if acts else None

    def _rows(self, step: int, values: NDArray[np.float32], seconds: float, waited: float) -> list[Row]:
        """One row for each step of a call, the last of which is `step`."""
        skipped = {"input_skipped": self.dataset.skipped_share} if self.dataset.skipped else {}
        costs = self.clock.rows(len(values), seconds, waited, self.recipe.batch_size)
        names, rows = metric_names(self.system), []
        for row_step, row_values in enumerate(values.tolist(), step - len(values) + 1):
            silent = {name for phase in self.system.phases if rests(phase, row_step - 1) for name in phase_metrics(phase)}
            named = zip(names, row_values, strict=True)
            values_by_name = {name: value for name, value in named if name not in silent}
            row: Row = {"step": row_step} | values_by_name | self.system.derived(values_by_name)
            # JSON knows no infinity: updates that float16 skipped have no norm, nor has what was only warned of a value.
            rows.append({name: value for name, value in row.items() if math.isfinite(value)} | skipped)
        return [row | cost for row, cost in zip(rows, costs, strict=True)]

    def _log(self, rows: list[Row]) -> None:
        for row in rows:
            row_step = int(row["step"])
            if any(is_due(row_step, every, self.recipe.steps) for every in (self.recipe.log_every, self.recipe.snapshot_every)):
                self.log.add(row)
                self.curves.add(row)
                self.diagnosis.add(row)
                self.report.add(row)
        self.log.flush()
        self.progress.update(rows[-1], self.diagnosis.words)

    def _snapshot(self, step: int, grid: bytes) -> str:
        samples = write_samples(self.run, grid, step)
        self.log.add_picture("samples", step, grid)
        for kind, network in self.system.models.items():
            write_model(self.run, kind, network, step)
        self.run.write(LOSSES, self.curves.png())
        self.report.write()
        return samples

    def _checkpoint(self, step: int) -> None:
        save_checkpoint(self.run, self.system, step, self.dataset.manifest.digest)
        keep, saved = self.operation.keep, committed_steps(self.run)
        rows = list(read_metrics(self.run)) if keep.best else []
        remove_all_but(self.run, kept_steps(saved, rows, keep) | self._way_back(saved))
        write_status(self.run, "training", step, self.recipe.steps)

    def _way_back(self, saved: list[int]) -> set[int]:
        """The checkpoint that a failure would return to."""
        well = [step for step in saved if step <= self.diagnosis.diagnosis.well_at]
        return set(well[-1:]) if self.operation.on_failure == "rollback" else set()

    def _interrupt(self, step: int, signal_name: str, committed: bool) -> None:
        write_status(self.run, "interrupted", step, self.recipe.steps)
        saved = "checkpoint committed" if committed else "which is not finite and was not saved"
        raise InterruptedRunError(
            f"{self.run.uri}: stopped by {signal_name} at step {step} of {self.recipe.steps}, {saved}; "
            "run the same command again to continue"
        )
