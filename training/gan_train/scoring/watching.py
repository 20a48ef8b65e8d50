"""gan-train evaluate --watch: scores every generator that a run saves, until the run has ended.

It may run on another machine, because it reads only the run folder, local or gs://, and writes only files of scores there.
"""

import time
from collections.abc import Callable, Iterator
from typing import Unpack

from gan_core.notices import say
from gan_core.storage import CloudFolder, Folder, open_folder
from gan_train.logs.watch import read_standing
from gan_train.recipe.base import GENERATOR
from gan_train.runs.layout import networks
from gan_train.scoring.evaluate import Evaluation, ScoringOptions
from gan_train.scoring.scores import Scored

_LOCAL_SECONDS, _CLOUD_SECONDS = 2.0, 10.0


def score_saved(uri: str, data: str, **options: Unpack[ScoringOptions]) -> Iterator[Scored]:
    """Score every saved generator that has no scores by this protocol yet, until the run has ended.

    Args:
        uri: run folder, a path or gs:// URI.
        data: dataset folder with the real images, a path or gs:// URI.
        options: see `ScoringOptions`.

    Raises:
        UsageError, DataError, StorageError: as `Evaluation` does.
    """
    run = open_folder(uri)
    pause = _CLOUD_SECONDS if isinstance(run, CloudFolder) else _LOCAL_SECONDS
    evaluation = None
    for step_found in saved_until_ended(run, lambda: time.sleep(pause)):
        evaluation = evaluation or Evaluation(uri, data, step_found, **options)
        if step_found not in evaluation.scored_steps():
            yield evaluation.score(step_found)


def saved_until_ended(run: Folder, wait: Callable[[], None]) -> Iterator[int]:
    """Yield every step with a saved generator, in order, until the run has ended; call `wait` while there is no new one.

    Raises:
        DataError: there is no run.
        StorageError: it cannot be read.
    """
    seen_steps: set[int] = set()
    while True:
        # Read before the list of generators, which is complete once the run has ended.
        standing = read_standing(run)
        new_steps = [step for step in networks(GENERATOR).steps(run) if step not in seen_steps]
        if new_steps:
            seen_steps.add(new_steps[0])
            yield new_steps[0]
        elif standing.ended:
            say(f"{run.uri}: {standing.state}, {standing.words}")
            return
        else:
            wait()
