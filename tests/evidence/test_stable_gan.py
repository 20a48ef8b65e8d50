"""The stable GAN is stable, and its three impaired twins fail as their names say.

Source: Brownlee, Generative Adversarial Networks with Python, ch. 10.
Takes about fifteen minutes.
"""

import json
import statistics
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import gan_pipeline.cli.commands as pipeline_cli
from gan_train.data.dataset import open_dataset
from gan_train.data.reader import first_examples
from gan_train.sampling.generator import saved_generator
from gan_train.sampling.snapshots import fixed_inputs
from tests.support.commands import run_inside
from tests.support.runs import gan_train

WINDOW = 45

pytestmark = pytest.mark.evidence


@pytest.fixture(scope="module")
def eights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 974 eights among the packaged digits."""
    out = tmp_path_factory.mktemp("evidence") / "eights"
    arguments = ("prepare", "mnist", "--source", "sample", "--classes", "8", "-o", out)
    assert run_inside(pipeline_cli.main, *arguments).code == 0
    return out


def last_window(eights: Path, out: Path, *options: str, recipe: str = "mnist-dcgan") -> dict[str, float]:
    """Medians of every metric over the last 45 steps, of 450 unless the options say otherwise."""
    ran = gan_train("run", recipe, "--data", eights, "-o", out, "--set", "snapshot_every=150", *options)
    assert ran.code == 0, ran.err
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()][-WINDOW:]
    medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    print(f"\n{out.name}: " + ", ".join(f"{name} {medians[name]:.3f}" for name in sorted(medians) if "." in name))
    return medians


def test_the_stable_gan_is_stable(eights: Path, tmp_path: Path) -> None:
    seen = last_window(eights, tmp_path / "stable")
    assert 0.4 <= seen["d_real.loss"] <= 0.8
    assert 0.4 <= seen["d_fake.loss"] <= 0.8
    assert 0.5 <= seen["g.loss"] <= 2.0
    assert 0.5 <= seen["d_real.accuracy"] <= 0.9
    assert 0.5 <= seen["d_fake.accuracy"] <= 0.9


def test_without_bias_correction_it_fails_to_converge(eights: Path, tmp_path: Path) -> None:
    """The named setting is what makes the difference: discriminator and generator losses both vanish."""
    seen = last_window(eights, tmp_path / "uncorrected", "--set", "generator.batch_norm.bias_correction=false")
    assert max(seen["d_real.loss"], seen["d_fake.loss"]) < 0.1
    assert seen["g.loss"] < 0.1
    assert min(seen["d_real.accuracy"], seen["d_fake.accuracy"]) > 0.99


def nearest_neighbours(images: NDArray[np.uint8]) -> float:
    """Mean distance of an image to the one most like it."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    distances = np.linalg.norm(flat[:, np.newaxis] - flat, axis=2)
    np.fill_diagonal(distances, np.inf)
    return float(distances.min(axis=1).mean())


def test_a_latent_of_one_number_collapses(eights: Path, tmp_path: Path) -> None:
    """Rule M3 with M1: samples are far more alike than real eights, and fakes are found out."""
    out = tmp_path / "collapse"
    seen = last_window(eights, out, recipe="mnist-dcgan-collapse")
    generator = saved_generator(str(out))
    made = generator.images(fixed_inputs(generator.run, generator.recipe))
    reals = first_examples(open_dataset(str(eights), generator.recipe), 0, len(made))["image"]
    ratio = nearest_neighbours(made) / nearest_neighbours(reals)
    print(f"nearest neighbours: {ratio:.3f} of the reals'")
    assert ratio < 0.3
    assert seen["d_fake.accuracy"] > 0.8


def test_mixed_batches_with_statistics_fail_to_converge(eights: Path, tmp_path: Path) -> None:
    """Rule C-A: discriminator and generator see different statistics, both losses vanish."""
    seen = last_window(eights, tmp_path / "mixed", "--steps", "225", recipe="mnist-dcgan-mixed")
    assert seen["d.loss"] < 0.01
    assert seen["g.loss"] < 0.05
    assert min(seen["d.accuracy_real"], seen["d.accuracy_fake"]) > 0.99


def test_adam_at_library_defaults_fails_to_converge(eights: Path, tmp_path: Path) -> None:
    """Rule C-B: the discriminator is perfect and the generator's loss climbs."""
    seen = last_window(eights, tmp_path / "adam", "--steps", "225", recipe="mnist-dcgan-adam")
    assert max(seen["d_real.loss"], seen["d_fake.loss"]) < 0.01
    assert seen["g.loss"] > 3
    assert min(seen["d_real.accuracy"], seen["d_fake.accuracy"]) > 0.99
