"""The 1-D GAN learns its curve over its full schedule (Brownlee, Generative Adversarial Networks with Python, ch. 6).

Takes about a minute.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

import gan_pipeline.cli.commands as pipeline_cli
from tests.support.commands import run_inside
from tests.support.runs import gan_train

pytestmark = pytest.mark.evidence


@pytest.fixture(scope="module")
def parabola(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evidence") / "parabola"
    assert run_inside(pipeline_cli.main, "prepare", "curve", "-o", out).code == 0
    return out


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_after_10000_steps_points_lie_on_the_parabola_and_along_all_of_it(seed: int, parabola: Path, tmp_path: Path) -> None:
    """Real points have an x of standard deviation 0.289 around 0. Before the end nothing is promised."""
    ran = gan_train("run", "curve-gan", "--data", parabola, "-o", tmp_path / "run", "--set", f"seed={seed}")
    assert ran.code == 0, ran.err
    generator = keras.models.load_model(tmp_path / "run" / "models" / "generator-step-00010000.keras")
    latents = np.random.default_rng(0).normal(size=(5000, 5)).astype(np.float32)
    x, y = generator(latents).numpy().T
    error, deviation = float(np.abs(y - x * x).mean()), float(x.std())
    print(f"\nseed {seed}: mean |y - x^2| {error:.4f}, deviation of x {deviation:.3f}, mean of x {x.mean():.3f}")
    assert error <= 0.02
    assert 0.25 <= deviation <= 0.31
