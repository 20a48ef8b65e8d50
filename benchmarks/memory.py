"""Peak memory and time of a step with `accumulate` and `remat`, each way in a process of its own.

    python benchmarks/memory.py [--recipe horse2zebra-cyclegan] [--set batch_size=8 ...] [--steps 3]

The peak is that of resident memory less what the process held before its first step: TensorFlow, networks and optimizers take
as much in every way. The ways train the same system by the trainer's own step function on random images.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

WAYS = ("", "accumulate=2", "accumulate=4", "remat=true", "accumulate=4 remat=true")


def measured(recipe: str, overrides: list[str], steps: int) -> None:
    """Print MB above what the process held before, and seconds a step after the first; runs in a child."""
    import tensorflow as tf

    from gan_train.recipe.document import load_recipe
    from gan_train.testing import build, random_chunk
    from gan_train.testing.training import step_number

    chosen = load_recipe(recipe, overrides)
    system, strategy, run = build(chosen)
    chunk = random_chunk(chosen, system, strategy, 1)
    run.get_concrete_function(chunk, tf.constant(0), step_number(0), tf.constant(1))
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(chunk, tf.constant(0), step_number(0), tf.constant(1))
    began = time.process_time()
    for step in range(1, steps):
        run(chunk, tf.constant(0), step_number(step), tf.constant(1))
    seconds = (time.process_time() - began) / (steps - 1)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="horse2zebra-cyclegan")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        measured(chosen.recipe, chosen.overrides, chosen.steps)
        return
    print(f"{chosen.recipe} {' '.join(chosen.overrides)}")
    for way in WAYS:
        keys = [part for key in (*chosen.overrides, *way.split()) for part in ("--set", key)]
        command = [sys.executable, Path(__file__), "--recipe", chosen.recipe, *keys, "--steps", str(chosen.steps), "--measure"]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        megabytes, seconds = map(float, answer.split()[-2:])
        print(f"  {way or 'at once':<24} {megabytes:7.0f} MB {seconds:7.2f} s of all processors a step", flush=True)


if __name__ == "__main__":
    main()
