"""sessions.jsonl: a line for each session of training of a run, from one start of `gan-train run` to its end.

recipe.yaml says how the run began. What may differ from one session to the next is here: the last step, the intervals, the
folder of the dataset, the options of the command and the versions of the packages.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from gan_core.documents import PrintableText, StoredName, Whole, read_json_lines
from gan_core.names import escape_name
from gan_core.storage import Folder
from gan_train.recipe.base import INTERVALS, Recipe
from gan_train.runs.layout import SESSIONS


@dataclass(frozen=True)
class SessionRecord:
    """A session as it began.

    Attributes:
        from_step: the step it continued from.
        to_step: the step it trains to.
        data: folder of the dataset, an absolute path or gs:// URI.
        intervals: the recipe's `INTERVALS` by name.
        options: the options of `gan-train run` that say how a run is operated, by name.
        packages: versions of the packages that decide what it computes, by name.
    """

    from_step: Whole
    to_step: Whole
    data: StoredName
    intervals: Mapping[str, Whole]
    options: Mapping[str, PrintableText | Whole]
    packages: Mapping[str, PrintableText]


_SESSION = TypeAdapter(SessionRecord)


def read_sessions(run: Folder) -> list[SessionRecord]:
    """All sessions in order; none of a run of version 0.1. Raises DataError at a damaged line."""
    if not run.exists(SESSIONS):
        return []
    return [session for _, session in read_json_lines(run, SESSIONS, _SESSION, "remove it from the file")]


def write_sessions(run: Folder, sessions: Sequence[SessionRecord]) -> None:
    """Replace sessions.jsonl as a whole."""
    run.write(SESSIONS, "".join(json.dumps(asdict(one) | {"data": escape_name(one.data)}) + "\n" for one in sessions).encode())


def intervals(recipe: Recipe) -> dict[str, int]:
    """The recipe's `INTERVALS` by name."""
    return {name: getattr(recipe, name) for name in INTERVALS}


def judged_recipe(recipe: Recipe, sessions: Sequence[SessionRecord]) -> Recipe:
    """The recipe in a run's folder, with the longest interval at which any session logged.

    The windows of a diagnosis have a least number of rows, so they are as long as the session with the fewest rows needs.
    """
    longest = max([recipe.log_every, *(one.intervals.get("log_every", 1) for one in sessions)])
    return recipe.model_copy(update={"log_every": longest})
