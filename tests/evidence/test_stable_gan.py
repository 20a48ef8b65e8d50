"""What the specification's stable GAN shows over its full schedule (spec C 1.1, 1.5 and G8). About eight minutes."""

import json
import statistics
from pathlib import Path

import pytest

import gan_pipeline.cli as pipeline_cli
from tests.commands import run_inside
from tests.training.helpers import gan_train

WINDOW = 45

pytestmark = pytest.mark.evidence


@pytest.fixture(scope="module")
def eights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 974 eights among the packaged digits."""
    out = tmp_path_factory.mktemp("evidence") / "eights"
    arguments = ("prepare", "mnist", "--source", "sample", "--classes", "8", "-o", out)
    assert run_inside(pipeline_cli.main, *arguments).code == 0
    return out


def last_window(eights: Path, out: Path, *options: str) -> dict[str, float]:
    """Medians of every metric over the last 45 of 450 steps."""
    ran = gan_train("run", "mnist-dcgan", "--data", eights, "-o", out, "--set", "snapshot_every=150", *options)
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
