"""The steps after which training pauses to log, show and save. Pure functions of step numbers."""

from collections.abc import Iterator

from gan_train.recipe.base import Recipe


def call_lengths(start: int, recipe: Recipe) -> Iterator[int]:
    """Number of steps of each call of the device, from `start` to the last step. A call ends wherever an action is due."""
    step = start
    while step < recipe.steps:
        stops = (recipe.steps_per_call, recipe.snapshot_every, recipe.checkpoint_every)
        ends = min(recipe.steps, *(step + every - step % every for every in stops))
        yield ends - step
        step = ends


def is_due(step: int, every: int, last: int) -> bool:
    """Whether an action that is taken every so many steps, and after the last one, is taken after this step."""
    return step % every == 0 or step == last
