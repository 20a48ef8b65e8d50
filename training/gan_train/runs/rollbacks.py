"""rollbacks.jsonl: how often a run returned to an earlier step, and which random numbers it uses since.

The random stream of a step is the number of rollbacks to that step or an earlier one. So the file and the step are
enough to continue exactly (randomness.py), and a run without rollbacks draws stream 0 throughout.
"""

import dataclasses
import json
from dataclasses import dataclass

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_train.runs.layout import ROLLBACKS


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
