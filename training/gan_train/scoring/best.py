"""The best generator of a run by one score, copied to best/ in the run folder.

The copy is written before best.json, which names it, so best.json never names a file that is missing or incomplete. Only
scores with the same yardstick are compared.
"""

from collections.abc import Iterable
from dataclasses import asdict

from gan_core.errors import UsageError
from gan_core.storage import Folder
from gan_pipeline.dataset.manifest import dump_json
from gan_train.recipe.base import GENERATOR
from gan_train.runs.layout import BEST, best_networks, networks
from gan_train.scoring.scores import KINDS, Scored, read_scores


def check_ranks(score: str) -> None:
    """Raise UsageError if a score does not rank generators."""
    ranking = [name for name, kind in KINDS.items() if kind.better]
    if score not in ranking:
        raise UsageError(f"--best {score!r} ranks no generators; choose one of: {', '.join(ranking)}")


def best_of(scored: Iterable[Scored], newest: Scored, score: str) -> Scored:
    """The best by a score among those with the yardstick of the newest; at a tie the earliest step.

    Args:
        scored: all scored steps of a run, the newest included.
        newest: the step that was scored last; it has the score.
        score: name of a score that ranks.
    """
    sign = 1 if KINDS[score].better == "min" else -1
    alike = [one for one in scored if one.protocol.yardstick == newest.protocol.yardstick and score in one.values]
    return min(alike, key=lambda one: (sign * one.values[score], one.protocol.step))


def keep_best(run: Folder, newest: Scored, score: str) -> None:
    """Copy the best generator among all steps in scores.jsonl to best/; see `best_of`."""
    committed = None
    # Another process may add a better one while this one copies.
    while (best := best_of(read_scores(run), newest, score)) != committed:
        commit_best(run, best, score)
        committed = best


def commit_best(run: Folder, best: Scored, score: str) -> str:
    """Copy the generator of a step to best/ and return the name of the copy. Does nothing if it is there already."""
    source, name = (files(GENERATOR).name(best.protocol.step) for files in (networks, best_networks))
    document = {"score": score, "value": best.values[score], "model": name, "protocol": asdict(best.protocol)}
    if run.exists(BEST) and run.read(BEST) == dump_json(document) and run.exists(name):
        return name
    run.write(name, run.read(source))
    run.write(BEST, dump_json(document))
    for other in best_networks(GENERATOR).names(run):
        if other != name:
            run.remove(other)
    return name
