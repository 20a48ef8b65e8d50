"""How long a run stands still for checkpoints and snapshots, and how long it takes from the command to the first step.

    python benchmarks/stalls.py [--recipe mnist-gan ...] [--intervals 3]

Real `gan-train run` commands at the recipe's own intervals and batch size; the numbers are those of metrics.jsonl.
The first step is over when its row is in the file.

Measured for mnist-dcgan on two AVX-512 cores, a step of 0.40 s: a checkpoint (11 MB) 65 ms, 0.36 % of the time between two
(target below 3 %), so it is written where it is due and not in a thread; a snapshot 0.38 s, 2.1 %: 0.16 s for losses.png,
0.13 for the images, 0.08 for the Keras file. With the machine shared by four other jobs: 0.28 % and 1.9 %.
To the first step: 3.3 s import TensorFlow, 0.3 build networks, 0.4 read the first images, the rest traces. AutoGraph's
rewriting of our Python was more than half of that: without it tracing takes 1.7 s of processor time where it took 4.1.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gan_train.recipe.document import load_recipe

GAN_TRAIN = Path(sys.executable).with_name("gan-train")


def digits_folder(place: Path) -> Path:
    """The package's 10,000 digits, prepared."""
    out = place / "digits"
    program = Path(sys.executable).with_name("gan-pipeline")
    subprocess.run([program, "prepare", "mnist", "--source", "sample", "-o", out], check=True, capture_output=True)
    return out


def run(recipe: str, digits: Path, out: Path, steps: int) -> list[dict[str, float]]:
    """Train by command; the rows it logged."""
    command = [GAN_TRAIN, "run", recipe, "--data", digits, "-o", out, "--steps", str(steps)]
    subprocess.run(command, check=True, capture_output=True)
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def first_step(recipe: str, digits: Path, place: Path) -> float:
    """Seconds from the command to the row of the first step; nothing is written to its file after that."""
    began = time.time()
    run(recipe, digits, place / f"{recipe}-first", steps=1)
    return (place / f"{recipe}-first" / "metrics.jsonl").stat().st_mtime - began


def measure(recipe: str, intervals: int, digits: Path, place: Path) -> None:
    every = load_recipe(recipe).checkpoint_every
    # The stalls after a row are in the next one.
    rows = run(recipe, digits, place / recipe, steps=intervals * every + 1)
    last = rows[-1]
    print(
        f"{recipe}: checkpoint and snapshot every {every} steps, {last['elapsed'] / last['step']:.3f} s a step with all stalls"
    )
    print(f"  command to first step  {first_step(recipe, digits, place):6.1f} s")
    for why in ("checkpoint", "snapshot"):
        spent = last[f"stall.{why}"]
        print(f"  a {why:<20} {1000 * spent / intervals:6.0f} ms, {spent / last['elapsed']:.2%} of the time")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--intervals", type=int, default=3)
    parser.add_argument("--recipe", action="append")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganmill-benchmark-") as folder:
        digits = digits_folder(Path(folder))
        for recipe in options.recipe or ("mnist-gan", "mnist-dcgan"):
            measure(recipe, options.intervals, digits, Path(folder))


if __name__ == "__main__":
    main()
