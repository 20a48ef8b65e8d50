"""rollbacks.jsonl: each return of a run to an earlier step, after a divergence or a failure that lasted.

The file also decides the random numbers: the random stream of a step is the number of rollbacks to that step or an earlier
one. So file and step are enough to continue exactly (numerics/randomness.py), and a run without rollbacks uses stream 0.
"""

import dataclasses
import json
from dataclasses import dataclass

from pydantic import TypeAdapter

from gan_core.documents import PrintableText, Whole, read_json_lines
from gan_core.storage import Folder
from gan_train.runs.layout import ROLLBACKS


@dataclass(frozen=True)
class Rollback:
    """One return to an earlier step.

    Attributes:
        step: at which the run diverged, or its failure had lasted long enough.
        name: what was not finite, or the kind of the failure.
        player: the player whose number was not finite; "" of a failure.
        value: that number; of a failure "since step 315".
        restored: the step returned to; 0 is the beginning.
    """

    step: Whole
    name: PrintableText
    player: PrintableText
    value: PrintableText
    restored: Whole


Rollbacks = tuple[Rollback, ...]

_ROLLBACK = TypeAdapter(Rollback)
_REMEDY = "it says which random numbers the run uses: restore it, or start a new run in another folder"


def read_rollbacks(run: Folder) -> Rollbacks:
    """The rollbacks of a run so far, in order. Raises DataError if the file is damaged."""
    if not run.exists(ROLLBACKS):
        return ()
    return tuple(rollback for _, rollback in read_json_lines(run, ROLLBACKS, _ROLLBACK, _REMEDY))


def write_rollbacks(run: Folder, rollbacks: Rollbacks) -> None:
    """Replace rollbacks.jsonl as a whole."""
    run.write(ROLLBACKS, "".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in rollbacks).encode())
