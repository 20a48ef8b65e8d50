"""Our training step against the usual Keras loop, on the same networks, batch and data, in one run.

    python benchmarks/train_step.py [--rounds 5] [--steps 10] [--recipe mnist-gan ...]

The peer is what the specification's sources do: `predict` for the fakes, `train_on_batch` on a compiled discriminator,
`train_on_batch` on the compiled generator-through-discriminator. In Keras 3 that loop silently leaves the
discriminator untrained; here it is traced before it is frozen, so that it does the work it is meant to do.
"Images" are those of the generator's batch, once a step. Ours reads a real dataset folder through the whole input
pipeline; the wait for it is printed. float32.

Profiled on two AVX-512 cores without AMX: with the plain convolution the 7x7 layer to one channel took 40 % of a
`mnist-gan` step at a tenth of its neighbours' speed; `networks/thin_conv.py` gives that back (1150 -> 860 ms). Fused batch
normalisation and one call for many steps do the rest. Deterministic operations cost nothing measurable on a CPU.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import repeat

import keras
import numpy as np
import tensorflow as tf

from gan_pipeline.beam_job import Execution
from gan_pipeline.options import Options
from gan_pipeline.prepare import prepare
from gan_train.input import Chunks, Dataset, first_images, open_dataset
from gan_train.networks.layers import plain_copy
from gan_train.pixels import to_range
from gan_train.recipe import Recipe, load_recipe
from gan_train.step import build_steps
from gan_train.systems.catalogue import build_system


def digits_folder() -> str:
    """The package's 10,000 digits, prepared."""
    out = tempfile.mkdtemp(prefix="ganmill-benchmark-")
    options = Options(dataset="mnist", source="sample", splits=("train",))
    prepare(out, options, Execution(), max_failure_rate=0.05)
    return out


class KerasLoop:
    """predict + train_on_batch, as the specification's listings have it."""

    def __init__(self, recipe: Recipe, dataset: Dataset) -> None:
        system = build_system(recipe)
        self.generator = plain_copy(system.generator)
        scores = plain_copy(system.players["discriminator"].network)
        self.discriminator = keras.Sequential([scores, keras.layers.Activation("sigmoid")])
        self.reals = np.asarray(to_range(tf.constant(first_images(dataset, 0, dataset.examples)), recipe.image.range))
        self.recipe, self.random = recipe, np.random.default_rng(0)
        self.discriminator.compile(loss="binary_crossentropy", optimizer=self._adam(), metrics=["accuracy"])
        self._train_discriminator()
        self.discriminator.trainable = False
        self.composite = keras.Sequential([self.generator, self.discriminator])
        self.composite.compile(loss="binary_crossentropy", optimizer=self._adam())

    def _adam(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def _latents(self, count: int) -> np.ndarray:
        return self.random.standard_normal((count, self.recipe.latent_size)).astype(np.float32)

    def _train_discriminator(self) -> None:
        half = self.recipe.batch_size // 2
        real = self.reals[self.random.integers(0, len(self.reals), half)]
        fake = self.generator.predict(self._latents(half), verbose=0)
        ones, zeros = np.ones((half, 1), np.float32), np.zeros((half, 1), np.float32)
        if self.recipe.discriminator_batch == "mixed":
            self.discriminator.train_on_batch(np.concatenate([real, fake]), np.concatenate([ones, zeros]))
        else:
            self.discriminator.train_on_batch(real, ones)
            self.discriminator.train_on_batch(fake, zeros)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self._train_discriminator()
            count = self.recipe.batch_size
            self.composite.train_on_batch(self._latents(count), np.ones((count, 1), np.float32))


class Ours:
    """The trainer's step function, fed by the trainer's input."""

    def __init__(self, recipe: Recipe, dataset: Dataset, steps: int) -> None:
        strategy = tf.distribute.get_strategy()
        system = build_system(recipe)
        self.run_steps = build_steps(system, strategy, recipe.seed)
        self.chunks = Chunks(dataset, recipe.seed, strategy, 0, [steps] * 1000, system)
        self.step, self.waited, self.seconds = 0, 0.0, 0.0

    def run(self, steps: int) -> None:
        began = time.perf_counter()
        chunk = self.chunks.take()
        self.run_steps(chunk, tf.constant(self.step, tf.int64), tf.constant(steps)).numpy()
        self.step += steps
        self.waited += self.chunks.waited
        self.seconds += time.perf_counter() - began


def seconds_per_step(run: Callable[[int], None], steps: int) -> float:
    began = time.perf_counter()
    run(steps)
    return (time.perf_counter() - began) / steps


def compare(name: str, rounds: int, steps: int, folder: str) -> None:
    recipe = load_recipe(name)
    dataset = open_dataset(folder, recipe)
    peer, ours = KerasLoop(recipe, dataset), Ours(recipe, dataset, steps)
    for run in (peer.run, ours.run):
        run(steps)
    ours.waited = ours.seconds = 0.0
    pairs = [(seconds_per_step(peer.run, steps), seconds_per_step(ours.run, steps)) for _ in repeat(None, rounds)]
    print(f"{name}, batch {recipe.batch_size}, {rounds} rounds of {steps} steps in turn")
    for title, values in zip(("Keras loop", "ours, float32"), zip(*pairs, strict=True), strict=True):
        median = statistics.median(values)
        print(f"  {title:<14} {1000 * median:7.1f} ms/step  {recipe.batch_size / median:7.1f} images/s")
    ratio = statistics.median(theirs / mine for theirs, mine in pairs)
    print(f"  ratio of images/s: {ratio:.2f} (target 1.4) · input wait {ours.waited / ours.seconds:.3%} (target below 2 %)")


def recipes(asked: list[str] | None) -> Iterator[str]:
    yield from asked or ("mnist-gan", "mnist-dcgan")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--recipe", action="append")
    parser.add_argument("--deterministic", action="store_true", help="as a run does by default")
    options = parser.parse_args()
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(0)
    folder = digits_folder()
    for name in recipes(options.recipe):
        compare(name, options.rounds, options.steps, folder)


if __name__ == "__main__":
    main()
