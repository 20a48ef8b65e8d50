"""The best generator of a run by a score, kept in best/ of its folder.

It is tested first, which only reads, and then committed: best.json is written when the file it names is whole, so that
at every moment it names one. Only scores of one yardstick are compared.
"""

from collections.abc import Iterable
from dataclasses import asdict

from gan_core.errors import UsageError
from gan_core.storage import Folder
from gan_pipeline.dataset.manifest import dump_json
from gan_train.runs.layout import BEST, best_networks, networks
from gan_train.runs.saved_networks import GENERATOR
from gan_train.scoring.scores import KINDS, Scored, read_scores


def check_ranks(score: str) -> None:
    """Raises UsageError if the best by a score cannot be told."""
    ranking = [name for name, kind in KINDS.items() if kind.better]
    if score not in ranking:
        raise UsageError(f"--best {score!r} ranks nothing; choose one of: {', '.join(ranking)}")


def best_of(scored: Iterable[Scored], newest: Scored, score: str) -> Scored:
    """The best by a score, of those measured as the newest was; of equal ones the earliest step.

    Args:
        scored: of a run, the newest among them.
        newest: has the score.
        score: its name, one that ranks.
    """
    sign = 1 if KINDS[score].better == "min" else -1
    alike = [one for one in scored if one.protocol.yardstick == newest.protocol.yardstick and score in one.values]
    return min(alike, key=lambda one: (sign * one.values[score], one.protocol.step))


def keep_best(run: Folder, newest: Scored, score: str) -> None:
    """Commit the best of what is in scores.jsonl, where the newest is, as `best_of` finds it."""
    committed = None
    # Another process may have added a better one, and committed it, before this one committed the lesser.
    while (best := best_of(read_scores(run), newest, score)) != committed:
        commit_best(run, best, score)
        committed = best


def commit_best(run: Folder, best: Scored, score: str) -> str:
    """Keep a copy of that step's generator as the best, and return its name. Does nothing if it is kept already."""
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
