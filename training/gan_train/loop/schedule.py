"""When the trainer stops to log, look, save: pure functions of step numbers."""

from collections.abc import Iterator

from gan_train.recipe.base import Recipe


def call_lengths(start: int, recipe: Recipe) -> Iterator[int]:
    """Steps of each call to the device from `start` to the end: short enough to stop at every due step."""
    step = start
    while step < recipe.steps:
        stops = (recipe.steps_per_call, recipe.snapshot_every, recipe.checkpoint_every)
        ends = min(recipe.steps, *(step + every - step % every for every in stops))
        yield ends - step
        step = ends


def is_due(step: int, every: int, last: int) -> bool:
    """Whether something that happens every so many steps, and at the end, happens after this step."""
    return step % every == 0 or step == last
