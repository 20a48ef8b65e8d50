"""Inputs of generators in NumPy: latents, and for a conditional generator a class or code for each."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_train.latents.latent import Latents, sample_latents
from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import Condition

LATENTS, CONDITIONS = "latents", "conditions"
"""Names of the arrays in an .npz file."""

Conditions = NDArray[np.int32]
"""A class or code for each example, int32 (n,)."""


@dataclass(frozen=True)
class Inputs:
    """The inputs of n examples.

    Attributes:
        latents: noise, float32 (n, latent_size).
        conditions: a class or code for each, int32 (n,), or None for a generator that takes none.
    """

    latents: Latents
    conditions: Conditions | None = None

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, part: slice) -> "Inputs":
        return Inputs(self.latents[part], None if self.conditions is None else self.conditions[part])

    def arrays(self, condition: Condition | None) -> list[NDArray[np.float32] | Conditions]:
        """The arrays that the generator's network takes: one array, or latents and classes. A code is one-hot after the
        noise.
        """
        if condition is None:
            return [self.latents]
        assert self.conditions is not None
        if condition.kind == "class":
            return [self.latents, self.conditions]
        return [np.concatenate([self.latents, np.eye(condition.values, dtype=np.float32)[self.conditions]], axis=1)]

    def npz(self) -> bytes:
        """The content of an .npz file that `gan-train ... --latents` reads."""
        buffer = io.BytesIO()
        arrays = {LATENTS: self.latents} | ({} if self.conditions is None else {CONDITIONS: self.conditions})
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()


def in_turn(count: int, values: Sequence[int]) -> Conditions:
    """Classes or codes in turn, repeated up to `count`: a column for each in a grid of that many columns."""
    return np.resize(np.asarray(values, np.int32), count)


def crossed(latents: Latents, values: Sequence[int]) -> Inputs:
    """Each latent with each class or code: in a grid of that many columns, a row has one latent."""
    return Inputs(latents.repeat(len(values), axis=0), in_turn(len(latents) * len(values), values))


def grid_inputs(recipe: LatentRecipe, random: np.random.Generator, count: int) -> Inputs:
    """Inputs of a sample grid with a column for each class or code.

    With classes every image has noise of its own. With codes, whose meaning only training gives, the noise is the same along a
    row, so that only the code differs.
    """
    condition = recipe.condition
    if condition and condition.kind == "code":
        rows = -(-count // condition.values)
        return crossed(sample_latents(recipe.latent, random, rows, recipe.latent_size), range(condition.values))[:count]
    latents = sample_latents(recipe.latent, random, count, recipe.latent_size)
    return Inputs(latents, in_turn(count, range(condition.values)) if condition else None)
