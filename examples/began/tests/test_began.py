"""BEGAN: the proofs that every system must pass, and the rule of k."""

import pytest
import tensorflow as tf
from gan_began.system import BEGAN

from gan_train.recipe.document import load_recipe
from gan_train.systems.step import metric_names
from gan_train.testing import prove_system, run_steps, split_cpu

GENERATOR = ("generator.base=[7,7,8]", "generator.filters=[8,8]", "generator.output_kernel=3")
DISCRIMINATOR = ("discriminator.filters=[4,8]", "discriminator.code=8")
RECIPE = load_recipe("mnist-began", [*GENERATOR, *DISCRIMINATOR, "batch_size=16", "precision=float32"])

split_cpu()


def test_it_is_a_system() -> None:
    prove_system(RECIPE)


@pytest.mark.parametrize("gamma", [0.1, 1.0])
def test_k_follows_the_paper_within_its_bounds(gamma: float) -> None:
    """k(t + 1) = k(t) + k_rate (gamma L(x) - L(G(z))), clipped to [0, 1]."""
    recipe = RECIPE.model_copy(update={"gamma": gamma, "k_rate": 0.5})
    system, rows = run_steps(recipe, replicas=1, steps=4)
    assert isinstance(system, BEGAN)
    column = dict(zip(metric_names(system), rows.T.tolist(), strict=True))
    expected = 0.0
    for k, real, fake in zip(column["d.k"], column["d.reconstruction_real"], column["d.reconstruction_fake"], strict=True):
        assert k == pytest.approx(expected, abs=1e-6)
        expected = min(max(expected + 0.5 * (gamma * real - fake), 0.0), 1.0)
    assert float(tf.convert_to_tensor(system.state[0])) == pytest.approx(expected, abs=1e-6)
