"""rollbacks.jsonl: how often a run returned to an earlier step, and which random numbers it uses since.

The random stream of a step is the number of rollbacks to that step or an earlier one. So the file and the step are
enough to continue exactly, and a run without rollbacks draws stream 0 throughout.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from gan_pipeline.errors import DataError
from gan_pipeline.storage import Folder

ROLLBACKS = "rollbacks.jsonl"


@dataclass(frozen=True)
class Rollback:
    """One return.

    Attributes:
        step: at which the run diverged, or its failure had lasted long enough.
        name: what was not finite, or the kind of the failure.
        player: whose it was; "" of a failure.
        value: what it was; of a failure since which step.
        restored: step returned to.
    """

    step: int
    name: str
    player: str
    value: str
    restored: int


Rollbacks = tuple[Rollback, ...]


def read_rollbacks(run: Folder) -> Rollbacks:
    """Those of a run so far, in order. Raises DataError if the file is damaged."""
    if not run.exists(ROLLBACKS):
        return ()
    try:
        return tuple(Rollback(**json.loads(line)) for line in run.read(ROLLBACKS).splitlines())
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{run.locate(ROLLBACKS)}: damaged ({error}); it says which random numbers the run uses: restore it, or start "
            "a new run in another folder"
        ) from error


def write_rollbacks(run: Folder, rollbacks: Rollbacks) -> None:
    """Replace the record, all at once."""
    run.write(ROLLBACKS, "".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in rollbacks).encode())


def random_key(seed: int, restored: Sequence[int], step: tf.Tensor) -> tf.Tensor:
    """The key of a step's random numbers, uint64 scalar: the seed, with the stream in its upper half.

    Args:
        seed: of the run, below 2**32.
        restored: steps that were returned to.
        step: int64 scalar, zero based.
    """
    stream = tf.reduce_sum(tf.cast(step >= tf.constant(restored, tf.int64), tf.int64))
    return tf.cast(seed + stream * 2**32, tf.uint64)
