"""What images are made from: latents, and for a conditional generator a class or code for each. In NumPy alone."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_train.latents.latent import Latents, sample_latents
from gan_train.recipe.base import Recipe
from gan_train.recipe.examples import Condition

LATENTS, CONDITIONS = "latents", "conditions"
"""Names of the arrays in an .npz file."""

Conditions = NDArray[np.int32]


@dataclass(frozen=True)
class Inputs:
    """Of n examples.

    Attributes:
        latents: noise, float32 (n, latent_size).
        conditions: a class or code for each, int32 (n,), or None for a generator that is told none.
    """

    latents: Latents
    conditions: Conditions | None = None

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, part: slice) -> "Inputs":
        return Inputs(self.latents[part], None if self.conditions is None else self.conditions[part])

    def arrays(self, condition: Condition | None) -> list[NDArray[np.float32] | Conditions]:
        """What the generator's network takes: one array, or latents and classes. A code is one-hot behind the noise."""
        if condition is None:
            return [self.latents]
        assert self.conditions is not None
        if condition.kind == "class":
            return [self.latents, self.conditions]
        return [np.concatenate([self.latents, np.eye(condition.values, dtype=np.float32)[self.conditions]], axis=1)]

    def npz(self) -> bytes:
        """As a file that `gan-train ... --latents` reads."""
        buffer = io.BytesIO()
        arrays = {LATENTS: self.latents} | ({} if self.conditions is None else {CONDITIONS: self.conditions})
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()


def in_turn(count: int, condition: Condition | None) -> Conditions | None:
    """Classes or codes 0, 1, 2 ... and again from 0: a column for each in a grid of that many columns."""
    return None if condition is None else np.arange(count, dtype=np.int32) % condition.values


def grid_inputs(recipe: Recipe, random: np.random.Generator, count: int) -> Inputs:
    """Inputs of a grid with a column for each class or code.

    Under a class every image has noise of its own (spec D 2.5). With codes, which have no meaning but what training gave
    them, the noise is the same along a row, so that only the code differs.
    """
    condition = recipe.condition
    if condition is None or condition.kind == "class":
        return Inputs(sample_latents(recipe.latent, random, count, recipe.latent_size), in_turn(count, condition))
    rows = -(-count // condition.values)
    latents = sample_latents(recipe.latent, random, rows, recipe.latent_size)
    return Inputs(latents.repeat(condition.values, axis=0)[:count], in_turn(count, condition))
