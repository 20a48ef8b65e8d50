"""Scores one generator of a run, or every one that it saves, from another process or machine, until it has ended.

The run knows nothing of it: what it saves is read from its folder, local or gs://, and scores.jsonl is written beside.
"""

import time
from collections.abc import Callable, Iterator

from gan_core.notices import say
from gan_core.storage import CloudFolder, Folder, open_folder
from gan_train.logs.watch import read_standing
from gan_train.runs.layout import networks
from gan_train.runs.saved_networks import GENERATOR
from gan_train.scoring.evaluate import Evaluation, ScoringOptions
from gan_train.scoring.scores import Scored

_LOCAL_SECONDS, _CLOUD_SECONDS = 2.0, 10.0


def scores_of(uri: str, question: ScoringOptions, step: int | None, watch: bool) -> Iterator[Scored]:
    """Score a step, None for the newest, or with `watch` every step that has no such score yet.

    Raises:
        UsageError, DataError, StorageError: as `Evaluation` does.
    """
    if not watch:
        yield Evaluation(uri, question, step).score()
        return
    run = open_folder(uri)
    pause = _CLOUD_SECONDS if isinstance(run, CloudFolder) else _LOCAL_SECONDS
    evaluation = None
    for found in saved_until_ended(run, lambda: time.sleep(pause)):
        evaluation = evaluation or Evaluation(uri, question, found)
        if found not in evaluation.scored_steps():
            yield evaluation.score(found)


def saved_until_ended(run: Folder, wait: Callable[[], None]) -> Iterator[int]:
    """Every step that has a generator, each once, the earliest first, until the run has ended; waits in between.

    Raises:
        DataError: no run there.
        StorageError: it cannot be read.
    """
    told: set[int] = set()
    while True:
        # Looked at first: of a run that has ended, the list below is complete.
        standing = read_standing(run)
        new = [step for step in networks(GENERATOR).steps(run) if step not in told]
        if new:
            told.add(new[0])
            yield new[0]
        elif standing.ended:
            say(f"{run.uri}: {standing.state}, {standing.words}")
            return
        else:
            wait()
