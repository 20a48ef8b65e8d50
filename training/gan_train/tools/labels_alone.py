"""The supervised baseline of a semi-supervised run: the same classifier, trained on the labelled examples alone."""

from typing import TYPE_CHECKING

from gan_core.errors import DataError
from gan_core.notices import say
from gan_core.storage import Folder
from gan_train.recipe.base import Recipe
from gan_train.recipe.installed import installed, load
from gan_train.runs.checkpoint import restore_state
from gan_train.runs.layout import committed_steps
from gan_train.runs.run_folder import read_record

if TYPE_CHECKING:
    import keras

_STEPS_PER_CALL = 50


def labels_alone(run: Folder, recipe: Recipe, steps: int) -> "keras.Model":
    """Train the baseline: a network from images in the recipe's range to class logits, (n, classes).

    It starts from the initial weights of the run, and gets the labelled examples of the run, which every checkpoint holds,
    in the same batches as the classifier of the run.

    Raises:
        DataError: the run has no checkpoint, or its newest one is damaged.
    """
    import tensorflow as tf

    from gan_train.systems.step import build_steps

    checkpoints = committed_steps(run)
    if not checkpoints:
        raise DataError(f"{run.uri}: no checkpoint yet, and only checkpoints hold the labelled examples; wait for the first")
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    assert recipe.labels_alone is not None
    system = load(recipe.labels_alone, installed().systems[recipe.system].origin)(recipe)
    restore_state(run, system, checkpoints[-1], read_record(run).dataset_digest)
    run_steps = build_steps(system, tf.distribute.get_strategy(), recipe.seed)
    for step in range(0, steps, _STEPS_PER_CALL):
        length = min(_STEPS_PER_CALL, steps - step)
        run_steps({}, tf.constant(0), tf.constant(step, tf.int64), tf.constant(length))
        say(f"labels alone: step {step + length}/{steps}")
    classifier: keras.Model = system.classifier
    return classifier
