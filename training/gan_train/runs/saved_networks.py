"""The networks that a run saved at its snapshots: models/KIND-step-STEP.keras, in plain Keras."""

from typing import TYPE_CHECKING

from gan_core.errors import DataError, UsageError
from gan_core.quiet import import_tensorflow
from gan_core.storage import Folder
from gan_train.runs.layout import networks

if TYPE_CHECKING:
    import keras

GENERATOR, CLASSIFIER = "generator", "classifier"
"""Kinds of networks. A generator turns its inputs into images or points; a classifier turns images, float32 in the recipe's
range, into class logits, float32 (n, classes)."""


def saved_step(run: Folder, kind: str, step: int | None) -> int:
    """The step of a saved network: the given one, which is checked, or the newest for None.

    Raises:
        DataError: no network of that kind is saved yet.
        UsageError: none was saved at that step.
    """
    steps = networks(kind).steps(run)
    if not steps:
        raise DataError(f"{run.uri}: no {kind} saved yet; the first comes with the first sample grid")
    if step is not None and step not in steps:
        known = ", ".join(map(str, steps))
        raise UsageError(f"{run.uri}: no {kind} of step {step}; there are: {known}")
    return step or steps[-1]


def load_network(run: Folder, kind: str, step: int) -> "keras.Model":
    """A saved network. Raises DataError if it is damaged."""
    import_tensorflow()
    import keras

    name = networks(kind).name(step)
    try:
        with run.local_file(name) as path:
            return keras.models.load_model(path, compile=False)
    except (ValueError, OSError, KeyError) as error:
        why = " ".join(str(error).split())[:200]
        raise DataError(f"{run.locate(name)}: damaged ({why}); take another --step") from error
