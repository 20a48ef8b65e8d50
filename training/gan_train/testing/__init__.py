"""Proofs that every system must pass, for the tests of any package that adds one.

    from gan_train.recipe.document import load_recipe
    from gan_train.testing import prove_system, split_cpu

    split_cpu()                     # before TensorFlow computes anything

    def test_it_is_a_system():
        prove_system(load_recipe("mnist-began", ["generator.filters=[8,8]", "batch_size=16", "precision=float32"]))

Each proof trains a recipe for a few steps, on random examples and in this process; recipes with tiny networks take seconds. A
proof that fails raises AssertionError with the name of what differs.
"""

from gan_train.testing.proofs import (
    prove_parts,
    prove_phases,
    prove_phases_on,
    prove_replicas,
    prove_resume,
    prove_system,
    replicable,
)
from gan_train.testing.training import build, mirrored, random_chunk, run_steps, split_cpu, values_of

__all__ = [
    "build",
    "mirrored",
    "prove_parts",
    "prove_phases",
    "prove_phases_on",
    "prove_replicas",
    "prove_resume",
    "prove_system",
    "random_chunk",
    "replicable",
    "run_steps",
    "split_cpu",
    "values_of",
]
