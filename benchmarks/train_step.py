"""Our training step against four others, on the same networks, batch and data, in turn, in one run.

    python benchmarks/train_step.py [--rounds 5] [--steps 5] [--recipe mnist-lsgan ...]
    PYTHONPATH=/tmp/torch python benchmarks/train_step.py     with PyTorch, which is not a dependency:
        pip install --target /tmp/torch torch && rm -r /tmp/torch/triton*     (its LLVM collides with TensorFlow's)

Peers are in `train_step_peers.py` and `train_step_torch.py`. "Images" are those of the generator's batch, once a step.
Ours reads a real dataset folder through the whole input pipeline; the wait for it is printed. Digits are the package's;
other images are noise, prepared by gan-pipeline all the same: speed does not depend on the content. The processors' time
per step is printed beside the clock's: where others share the machine it is the steadier of the two.

Measured on two Zen 4 cores (AVX512_BF16, no AMX) that other processes shared, the load 5 and for celeba-gan and PyTorch
12. How many times faster than the Keras loop, in processors' time and in brackets by the clock:

                           mnist-lsgan      cifar10-gan      celeba-gan
    Keras loop             523 ms (949)     1.59 s (2.01)    21.1 s
    tf.function            1.14 (1.31)      1.05 (1.16)      1.01 (1.33)
    tf.function, bfloat16  1.63 (1.61)      1.65 (1.74)      1.86 (2.10)
    PyTorch eager          0.28 (0.31)           (0.36)      not measured
    ours, float32          1.50 (1.79)      1.09 (1.09)      1.04 (1.08)
    ours, bfloat16         2.34 (2.84)      1.73 (1.88)      1.91 (2.00)

    input wait of ours     0.1 %            0.1 %            0.0 %

What stands between: convolutions. A core multiplies matrices at 95 to 105 GFLOP/s in float32 and 200 in bfloat16; the
large convolutions of these networks run at 80 to 104 and 140 to 212, their weight gradients at 73 to 97 and 75 to 140. An LSGAN
step is 28.5 GFLOP of them, 0.29 s of its 0.33 s. Where batch normalisation is absent the Keras loop spends its time in
the same operations as everyone, so only bfloat16 gains. Tried and not faster: weight gradients as one product over patches
or four over a space-to-depth image (up to 2 times slower; for 256 channels at 7x7 in bfloat16 alone 1.3 times faster);
and for a float32 LSGAN step, all within 3 %: one thread between operations, no layout pass, no remapper, operations that
need not be deterministic. Bias additions, rectifiers, norms and the optimizer are 2 to 4 ms each in an LSGAN step. Left: the
gradient of a stride-1 convolution with three input channels by its images as a thin convolution is 2.1 times as fast,
2 % of a celeba-gan step; Winograd's transform would save up to half of float32's products.
"""

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from train_step_peers import GraphStep, KerasLoop

from gan_pipeline.dataset.options import Options
from gan_pipeline.preparing.prepare import prepare_folder
from gan_pipeline.preparing.runners import Execution
from gan_train.data.dataset import Dataset, open_dataset
from gan_train.data.input import Chunks
from gan_train.data.pixels import to_range
from gan_train.data.reader import first_examples
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe
from gan_train.systems.build import build_system
from gan_train.systems.step import build_steps

RECIPES = ("mnist-lsgan", "cifar10-gan", "celeba-gan")
NOISE_IMAGES = 512

Run = Callable[[int], object]
"""Trains for so many steps."""


def dataset_folder(recipe: Recipe) -> str:
    """A prepared dataset of the recipe's image shape."""
    out = tempfile.mkdtemp(prefix="ganmill-benchmark-")
    height, width, channels = recipe.image.shape
    if channels == 1:
        prepare_folder(out, Options(dataset="mnist", source="sample", splits=("train",)), Execution(), max_failure_rate=0.05)
        return out
    source, random = Path(tempfile.mkdtemp(prefix="ganmill-noise-")), np.random.default_rng(0)
    for number in range(NOISE_IMAGES):
        pixels = random.integers(0, 256, (height, width, channels), np.uint8)
        Image.fromarray(pixels).save(source / f"{number}.png")
    options = Options(
        dataset="images", source=str(source), splits=("train",), image_size=height, resize="stretch", resampler="bicubic"
    )
    prepare_folder(out, options, Execution(), max_failure_rate=0.05)
    return out


class Ours:
    """The trainer's step function, fed by the trainer's input."""

    def __init__(self, recipe: Recipe, dataset: Dataset, steps: int) -> None:
        strategy = tf.distribute.get_strategy()
        system = build_system(recipe)
        self._run_steps = build_steps(system, strategy, recipe.seed)
        self._chunks = Chunks(
            dataset, recipe.seed, strategy, 0, [steps] * 1000, system.batches_per_step, system.reals_per_batch
        )
        self._step, self.waited, self.seconds = 0, 0.0, 0.0

    def run(self, steps: int) -> None:
        began = time.perf_counter()
        chunk = self._chunks.take()
        self._run_steps(chunk, tf.constant(0), tf.constant(self._step, tf.int64), tf.constant(steps)).numpy()
        self._step += steps
        self.waited += self._chunks.waited
        self.seconds += time.perf_counter() - began


def contenders(recipe: Recipe, dataset: Dataset, steps: int) -> tuple[dict[str, Run], list[Ours]]:
    """The competitors by name, the Keras loop first, and the names of those whose input wait is measured."""
    reals = np.asarray(to_range(tf.constant(first_examples(dataset, 0, NOISE_IMAGES)["image"]), recipe.image.range))
    runs: dict[str, Run] = {
        "Keras loop": KerasLoop(recipe, reals).run,
        "tf.function": GraphStep(recipe, reals).run,
        "tf.function, bfloat16": GraphStep(recipe, reals, "mixed_bfloat16").run,
    }
    if importlib.util.find_spec("torch"):
        from train_step_torch import TorchLoop

        runs["PyTorch eager"] = TorchLoop(recipe, reals).run
    ours = [Ours(recipe.model_copy(update={"precision": kind}), dataset, steps) for kind in ("float32", "bfloat16")]
    return runs | {"ours, float32": ours[0].run, "ours, bfloat16": ours[1].run}, ours


def cost_per_step(run: Run, steps: int) -> tuple[float, float]:
    """Seconds of the clock and of the processors."""
    began, busy = time.perf_counter(), time.process_time()
    run(steps)
    return (time.perf_counter() - began) / steps, (time.process_time() - busy) / steps


def compare(name: str, rounds: int, steps: int) -> None:
    """Print the table of a recipe: medians over the rounds, ratios to the Keras loop of the same round."""
    recipe = load_recipe(name)
    dataset = open_dataset(dataset_folder(recipe), recipe)
    runs, ours = contenders(recipe, dataset, steps)
    for run in runs.values():
        run(steps)
    for one in ours:
        one.waited = one.seconds = 0.0
    table = [{title: cost_per_step(run, steps) for title, run in runs.items()} for _ in range(rounds)]
    print(f"{name}, batch {recipe.batch_size}, {rounds} rounds of {steps} steps in turn")
    for title in runs:
        clock, busy = (statistics.median(row[title][kind] for row in table) for kind in (0, 1))
        by_clock, by_busy = (statistics.median(row["Keras loop"][kind] / row[title][kind] for row in table) for kind in (0, 1))
        print(
            f"  {title:<22} {1000 * clock:8.1f} ms/step {recipe.batch_size / clock:7.1f} images/s {by_clock:5.2f} x"
            f"   {1000 * busy:8.1f} ms of processors {by_busy:5.2f} x"
        )
    waits = ", ".join(f"{one.waited / one.seconds:.2%}" for one in ours)
    print(f"  input wait of ours: {waits} (target below 2 %)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--recipe", action="append", help=f"default: {', '.join(RECIPES)}")
    parser.add_argument("--deterministic", action="store_true", help="as a run does by default; the peers bear it too")
    options = parser.parse_args()
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(0)
    for name in options.recipe or RECIPES:
        compare(name, options.rounds, options.steps)


if __name__ == "__main__":
    main()
