"""Our step of Pix2Pix and CycleGAN against plain Keras' `train_on_batch`, on the same networks, batch and images, in turn.

    python benchmarks/translation.py [--rounds 3] [--steps 2] [--side 256] [--recipe maps-pix2pix] [--set generator.merge=add]

Each contender is a process of its own, so that its peak memory can be told; they take turns, one at a time. Images are
noise, speed does not depend on the content; ours come from a prepared dataset folder through the whole input pipeline. The
processors' time per step is printed beside the clock's: where others share the machine it is the steadier of the two.
Peak memory includes TensorFlow's own 0.5 GB or so and the building of the networks.

Measured on two Zen 4 cores (AVX512_BF16, no AMX) that nothing else used, seconds a step and how many times faster than Keras:

                         maps-pix2pix           horse2zebra-cyclegan, merge=add
    Keras loop           1.07          2.3 GB   14.25          3.3 GB
    ours, float32        0.86   1.24   1.7 GB   14.70   0.97   3.2 GB
    ours, bfloat16       0.71   1.52   1.8 GB    7.98   1.79   2.9 GB

The goals, 1.5 in float32 and 2.5 in bfloat16 with AMX, are not met in float32. What stands between: convolutions. A CycleGAN
step with added residuals is 3.2 TFLOP of them, 16 s at what these cores do in float32, so everyone waits for the same
products. `merge: concat`, the listing's, has about four times as many. Instance normalisation as one fused operation, which
is 3 to 5 times as fast as Keras' layer, is 1 % of a step. Left: in a step's first phase the way back begins with fakes that
were already made, one of 29 passes.
"""

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

KERAS = "Keras loop"
CONTENDERS = {KERAS: "float32", "ours, float32": "float32", "ours, bfloat16": "bfloat16"}
RECIPES = ("maps-pix2pix", "horse2zebra-cyclegan")
PAIRS = 8


def main() -> None:
    """Measure and print every recipe asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2, help="of each contender in each round")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--recipe", nargs="+", default=list(RECIPES), choices=RECIPES)
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="overrides of the recipes")
    given = parser.parse_args()
    for recipe in given.recipe:
        measure(recipe, given.side, given.set, given.rounds, given.steps)


def measure(name: str, side: int, overrides: list[str], rounds: int, steps: int) -> None:
    """Print the median of every contender, and how many times faster than Keras' it is."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        data = prepare_noise(Path(folder), side)
        started = {}
        for contender in CONTENDERS:
            ours, theirs = context.Pipe()
            arguments = (theirs, contender, name, [f"image.shape=[{side},{side},3]", *overrides], data)
            process = context.Process(target=contend, args=arguments)
            process.start()
            ours.recv()
            started[contender] = (process, ours)
        times: dict[str, list[tuple[float, float]]] = {contender: [] for contender in CONTENDERS}
        for _ in range(rounds):
            for contender, (_, pipe) in started.items():
                pipe.send(steps)
                times[contender].append(pipe.recv())
        print(f"\n{name} at {side}x{side}, batch 1, {' '.join(overrides)}: median of {rounds} rounds of {steps} steps")
        medians = {
            contender: [statistics.median(column) for column in zip(*rows, strict=True)] for contender, rows in times.items()
        }
        for contender, (process, pipe) in started.items():
            pipe.send(0)
            peak = pipe.recv() / 2**30
            process.join()
            wall, processors = medians[contender]
            by_clock, by_processors = (theirs / mine for theirs, mine in zip(medians[KERAS], medians[contender], strict=True))
            print(
                f"  {contender:16} {wall:7.2f} s a step ({processors:.2f} s of processors)   "
                f"{by_clock:.2f} times as fast ({by_processors:.2f})   peak {peak:.1f} GB"
            )


def prepare_noise(folder: Path, side: int) -> str:
    """A dataset folder of pairs."""
    import numpy as np
    from PIL import Image

    from gan_pipeline.dataset.options import Options, Resampler
    from gan_pipeline.preparing.prepare import prepare_folder
    from gan_pipeline.preparing.runners import Execution

    random = np.random.default_rng(0)
    (folder / "raw").mkdir()
    for number in range(PAIRS):
        Image.fromarray(random.integers(0, 256, (side, 2 * side, 3), np.uint8)).save(folder / "raw" / f"{number}.png")
    options = Options(
        dataset="pairs", source=str(folder / "raw"), splits=("train",), image_size=side, resampler=Resampler.NEAREST, swap=False
    )
    prepare_folder(str(folder / "data"), options, Execution(), max_failure_rate=0.0)
    return str(folder / "data")


def contend(pipe: Connection, contender: str, name: str, overrides: list[str], data: str) -> None:
    """Be one contender: build, take a step, then as many as asked for, until none is."""
    from gan_core.quiet import import_tensorflow

    import_tensorflow()
    take = stepper(contender, name, overrides, data)
    take(1)
    pipe.send("ready")
    while steps := pipe.recv():
        wall, processors = time.monotonic(), time.process_time()
        take(steps)
        pipe.send(((time.monotonic() - wall) / steps, (time.process_time() - processors) / steps))
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def stepper(contender: str, name: str, overrides: list[str], data: str) -> Callable[[int], Any]:
    """A function that takes so many steps."""
    import tensorflow as tf
    from translation_peers import cyclegan_loop, pix2pix_loop

    from gan_train.data.dataset import open_dataset
    from gan_train.data.input import Chunks
    from gan_train.data.pixels import to_range
    from gan_train.data.reader import first_examples
    from gan_train.recipe.document import load_recipe
    from gan_train.recipe.translation import TranslationRecipe
    from gan_train.systems.build import build_system
    from gan_train.systems.step import build_steps

    recipe = load_recipe(name, [*overrides, f"precision={CONTENDERS[contender]}"])
    assert isinstance(recipe, TranslationRecipe)
    dataset = open_dataset(data, recipe)
    if contender == KERAS:
        images = [to_range(tf.constant(values), "symmetric").numpy() for values in first_examples(dataset, 0, PAIRS).values()]
        one_step = (pix2pix_loop if len(recipe.directions) == 1 else cyclegan_loop)(recipe, *images)
        return lambda steps: [one_step() for _ in range(steps)]
    strategy, system = tf.distribute.get_strategy(), build_system(recipe)
    run = build_steps(system, strategy, recipe.seed)
    chunks = Chunks(dataset, 0, strategy, 0, [1] * 10_000, system.batches_per_step, system.reals_per_batch)
    return lambda steps: [
        run(chunks.take(), tf.constant(0), tf.constant(0, tf.int64), tf.constant(1)).numpy() for _ in range(steps)
    ]


if __name__ == "__main__":
    main()
