"""fit(recipe, dataset, run, ...): the only training loop. It never knows which GAN it trains.

with locked(run):
    fit(recipe, dataset, run, make_strategy("auto"), Console())
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_pipeline.errors import DivergenceError, InterruptedRunError
from gan_pipeline.storage import Folder
from gan_train.checkpoint import checkpoint_name, committed_steps, remove_uncommitted, restore_checkpoint, save_checkpoint
from gan_train.input import Dataset, Reader, distributed_chunks, first_images
from gan_train.metrics_log import MetricsLog, Row, read_metrics
from gan_train.progress import Progress
from gan_train.recipe import Recipe
from gan_train.run_folder import REALS, write_status
from gan_train.schedule import call_lengths, is_due
from gan_train.signals import Interruption
from gan_train.snapshots import fixed_latents, generate, grid_png, write_curves, write_generator, write_samples
from gan_train.step import build_steps, metric_names
from gan_train.systems.base import System


@dataclass(frozen=True)
class Ended:
    """How a call of `fit` ended: the step reached, where it began, and the last sample grid."""

    step: int
    started_at: int
    samples: str


def fit(
    recipe: Recipe,
    dataset: Dataset,
    run: Folder,
    strategy: tf.distribute.Strategy,
    system: System,
    progress: Progress,
    interruption: Interruption,
) -> Ended:
    """Train to `recipe.steps`, from the newest checkpoint of the run if it has one.

    Raises:
        InterruptedRunError: a signal arrived; a checkpoint of the step reached is committed.
        DivergenceError: a loss is not finite; the newest checkpoint is from before that.
        DataError, StorageError, UsageError: as input and storage say; the newest checkpoint is kept.
    """
    start = _restore(run, system)
    session = _Session(recipe, dataset, run, system, MetricsLog(run, start), progress)
    try:
        session.open(start)
        return session.train(strategy, start, interruption)
    finally:
        session.log.close()


def _restore(run: Folder, system: System) -> int:
    remove_uncommitted(run)
    steps = committed_steps(run)
    if not steps:
        return 0
    restore_checkpoint(run, system, steps[-1])
    return steps[-1]


@dataclass
class _Session:
    """What one call of `fit` works with."""

    recipe: Recipe
    dataset: Dataset
    run: Folder
    system: System
    log: MetricsLog
    progress: Progress

    def open(self, start: int) -> None:
        """Write the pictures and latents a run begins with."""
        self._latents = fixed_latents(self.run, self.recipe)
        self._reals = first_images(self.dataset, self.recipe.seed, self.recipe.sample_images)
        self._facts = {"recipe": self.recipe.name, "seed": str(self.recipe.seed), "dataset": self.dataset.manifest.digest}
        if not self.run.exists(REALS):
            self.run.write(REALS, grid_png(self._reals, self._facts))
        write_status(self.run, "training", start, self.recipe.steps)

    def train(self, strategy: tf.distribute.Strategy, start: int, interruption: Interruption) -> Ended:
        """The loop: one chunk of steps, then whatever is due."""
        recipe, step, samples = self.recipe, start, ""
        run_steps = build_steps(self.system, strategy, recipe.seed)
        lengths = list(call_lengths(start, recipe))
        with (
            Chunks(self.dataset, recipe, strategy, start * self.system.reals_per_step, lengths) as chunks,
            self.progress.showing(start, recipe),
        ):
            for length in lengths:
                chunk = chunks.take()
                began = time.monotonic()
                values = run_steps(chunk, tf.constant(step, tf.int64), tf.constant(length)).numpy()
                timing = {"seconds": chunks.waited + time.monotonic() - began, "waited": chunks.waited}
                step += length
                rows = self._rows(step, values, timing)
                if is_due(step, recipe.snapshot_every, recipe.steps):
                    rows[-1] |= self._evaluate()
                self._log(step, rows)
                if is_due(step, recipe.snapshot_every, recipe.steps):
                    samples = self._snapshot(step)
                if interruption.requested or is_due(step, recipe.checkpoint_every, recipe.steps):
                    self._checkpoint(step)
                if interruption.requested and step < recipe.steps:
                    self._interrupt(step, interruption.name)
        write_status(self.run, "finished", step, recipe.steps)
        return Ended(step, start, samples)

    def _rows(self, step: int, values: NDArray[np.float32], timing: dict[str, float]) -> list[Row]:
        """One row for each step of a call, the last of which is `step`. Raises DivergenceError."""
        speed = {
            "images_per_second": len(values) * self.recipe.batch_size / timing["seconds"],
            "input_wait": timing["waited"] / timing["seconds"],
        }
        names, rows = metric_names(self.system), []
        for row_step, row_values in enumerate(values.tolist(), step - len(values) + 1):
            row: Row = {"step": row_step} | dict(zip(names, row_values, strict=True))
            self._check_finite(row)
            rows.append(row | speed)
        return rows

    def _log(self, step: int, rows: list[Row]) -> None:
        for row in rows:
            row_step = int(row["step"])
            if any(is_due(row_step, every, self.recipe.steps) for every in (self.recipe.log_every, self.recipe.snapshot_every)):
                self.log.add(row)
        self.log.flush()
        self.progress.update(step, rows[-1])

    def _check_finite(self, row: Row) -> None:
        for name, value in row.items():
            if not math.isfinite(value):
                saved = committed_steps(self.run)
                kept = f"the newest checkpoint is {checkpoint_name(saved[-1])}" if saved else "no checkpoint was written yet"
                write_status(self.run, "diverged", int(row["step"]), self.recipe.steps)
                raise DivergenceError(
                    f"{self.run.uri}: {name} is {value} at step {int(row['step'])}; {kept}. Try a smaller learning rate "
                    "in a new folder, such as --set generator.optimizer.learning_rate=1e-4"
                )

    def _evaluate(self) -> Row:
        shown = min(len(self._reals), len(self._latents))
        scores = self.system.evaluate(tf.constant(self._reals[:shown]), tf.constant(self._latents[:shown]))
        return {f"snapshot.{name}": float(value) for name, value in scores.items()}

    def _snapshot(self, step: int) -> str:
        images = generate(self.system.generator, self._latents, self.recipe.image.range)
        samples = write_samples(self.run, images, step, self._facts)
        write_generator(self.run, self.system.generator, step)
        write_curves(self.run, read_metrics(self.run))
        return samples

    def _checkpoint(self, step: int) -> None:
        save_checkpoint(self.run, self.system, step, self.dataset.manifest.digest, self.recipe.keep_checkpoints)
        write_status(self.run, "training", step, self.recipe.steps)

    def _interrupt(self, step: int, signal_name: str) -> None:
        write_status(self.run, "interrupted", step, self.recipe.steps)
        raise InterruptedRunError(
            f"{self.run.uri}: stopped by {signal_name} at step {step} of {self.recipe.steps}, checkpoint committed; "
            "run the same command again to continue"
        )


class Chunks:
    """The input stream of one run, and how long the last chunk was waited for, in seconds."""

    def __init__(
        self, dataset: Dataset, recipe: Recipe, strategy: tf.distribute.Strategy, position: int, lengths: Sequence[int]
    ) -> None:
        self._reader = Reader(dataset, recipe.seed)
        self._arguments = (strategy, position, lengths, recipe.batch_size // 2)
        self.waited = 0.0

    def __enter__(self) -> "Chunks":
        self._chunks: Iterator[tf.distribute.DistributedValues] = distributed_chunks(self._reader, *self._arguments)
        return self

    def __exit__(self, *_: object) -> None:
        del self._chunks

    def take(self) -> tf.distribute.DistributedValues:
        """The next chunk. Raises what stopped the reader, such as DataError naming a shard."""
        began = time.monotonic()
        try:
            chunk = next(self._chunks)
        except tf.errors.OpError as error:
            raise self._reader.failure or error from None
        self.waited = time.monotonic() - began
        return chunk
