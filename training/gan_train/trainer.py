"""fit(recipe, dataset, run, ...): the only training loop. It never knows which GAN it trains.

with locked(run):
    fit(recipe, dataset, run, make_strategy("auto"), Console())
"""

import math
import time
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_pipeline.errors import DivergenceError, InterruptedRunError
from gan_pipeline.storage import Folder
from gan_train.checkpoint import checkpoint_name, committed_steps, remove_uncommitted, restore_checkpoint, save_checkpoint
from gan_train.input import Chunks, Dataset, first_images
from gan_train.metrics_log import MetricsLog, Row, read_metrics
from gan_train.pictures import grid_png
from gan_train.progress import Progress
from gan_train.recipe import Recipe
from gan_train.run_folder import REALS, write_status
from gan_train.schedule import call_lengths, is_due
from gan_train.signals import Interruption
from gan_train.snapshots import fixed_latents, generate, write_curves, write_generator, write_samples
from gan_train.step import build_steps, metric_names, phase_metrics, rests
from gan_train.systems.base import System


@dataclass(frozen=True)
class Ended:
    """How a call of `fit` ended: the step reached and the name of the last sample grid."""

    step: int
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
    log = MetricsLog(run, start)
    try:
        session = _Session(
            recipe,
            dataset,
            run,
            system,
            log,
            progress,
            latents=fixed_latents(run, recipe),
            reals=first_images(dataset, recipe.seed, recipe.sample_images),
        )
        return session.train(strategy, start, interruption)
    finally:
        log.close()


def _restore(run: Folder, system: System) -> int:
    remove_uncommitted(run)
    steps = committed_steps(run)
    if not steps:
        return 0
    restore_checkpoint(run, system, steps[-1])
    return steps[-1]


@dataclass(frozen=True)
class _Session:
    """What one call of `fit` works with.

    Attributes:
        latents: of every sample grid, float32 (sample_images, latent_size).
        reals: real images to compare with, uint8 (n, height, width, channels).
    """

    recipe: Recipe
    dataset: Dataset
    run: Folder
    system: System
    log: MetricsLog
    progress: Progress
    latents: NDArray[np.float32]
    reals: NDArray[np.uint8]

    @property
    def facts(self) -> dict[str, str]:
        """What every picture of the run says of itself."""
        return {"recipe": self.recipe.name, "seed": str(self.recipe.seed), "dataset": self.dataset.manifest.digest}

    def train(self, strategy: tf.distribute.Strategy, start: int, interruption: Interruption) -> Ended:
        """The loop: one chunk of steps, then whatever is due."""
        recipe, step, samples = self.recipe, start, ""
        write_status(self.run, "training", start, recipe.steps)
        if not self.run.exists(REALS):
            self.run.write(REALS, grid_png(self.reals, self.facts))
        run_steps = build_steps(self.system, strategy, recipe.seed)
        lengths = list(call_lengths(start, recipe))
        chunks = Chunks(self.dataset, recipe.seed, strategy, start, lengths, self.system)
        with self.progress.showing(start, recipe):
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
        return Ended(step, samples)

    def _rows(self, step: int, values: NDArray[np.float32], timing: dict[str, float]) -> list[Row]:
        """One row for each step of a call, the last of which is `step`. Raises DivergenceError."""
        speed = {
            "images_per_second": len(values) * self.recipe.batch_size / timing["seconds"],
            "input_wait": timing["waited"] / timing["seconds"],
        }
        names, rows = metric_names(self.system), []
        for row_step, row_values in enumerate(values.tolist(), step - len(values) + 1):
            silent = {name for phase in self.system.phases if rests(phase, row_step - 1) for name in phase_metrics(phase)}
            named = zip(names, row_values, strict=True)
            row: Row = {"step": row_step} | {name: value for name, value in named if name not in silent}
            self._check_finite(row)
            # What is left are the norms of updates that float16 skipped, and JSON knows no infinity.
            rows.append({name: value for name, value in row.items() if math.isfinite(value)} | speed)
        return rows

    def _log(self, step: int, rows: list[Row]) -> None:
        for row in rows:
            row_step = int(row["step"])
            if any(is_due(row_step, every, self.recipe.steps) for every in (self.recipe.log_every, self.recipe.snapshot_every)):
                self.log.add(row)
        self.log.flush()
        self.progress.update(step, rows[-1])

    def _check_finite(self, row: Row) -> None:
        # In float16 an update whose gradient is not finite is skipped, and that is no divergence.
        skips = self.recipe.precision == "float16"
        for name, value in row.items():
            if not math.isfinite(value) and not (skips and name.endswith(".gradient_norm")):
                saved = committed_steps(self.run)
                kept = f"the newest checkpoint is {checkpoint_name(saved[-1])}" if saved else "no checkpoint was written yet"
                write_status(self.run, "diverged", int(row["step"]), self.recipe.steps)
                raise DivergenceError(
                    f"{self.run.uri}: {name} is {value} at step {int(row['step'])}; {kept}. Try a smaller learning rate "
                    "in a new folder, such as --set generator.optimizer.learning_rate=1e-4"
                )

    def _evaluate(self) -> Row:
        shown = min(len(self.reals), len(self.latents))
        scores = self.system.evaluate(tf.constant(self.reals[:shown]), tf.constant(self.latents[:shown]))
        return {f"snapshot.{name}": float(value) for name, value in scores.items()}

    def _snapshot(self, step: int) -> str:
        images = generate(self.system.sampler, self.latents, self.recipe.image.range)
        samples = write_samples(self.run, images, step, self.facts)
        write_generator(self.run, self.system.sampler, step)
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
