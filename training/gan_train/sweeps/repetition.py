"""The runs that repeat a run with other seeds."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gan_core.errors import UsageError
from gan_core.storage import open_folder
from gan_core.text import short_repr
from gan_pipeline.dataset.manifest import read_manifest
from gan_train.recipe.document import override
from gan_train.runs.layout import RECIPE
from gan_train.runs.origin import init_options
from gan_train.runs.run_folder import check_digest, read_record
from gan_train.runs.sessions import read_sessions
from gan_train.sweeps.document import MOST_RUNS, MOST_SEED, seed_numbers
from gan_train.sweeps.planning import PlannedRun


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds of "1-4" or "1,5,7-9". Raises UsageError for any other text, and for a seed that stands there twice."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:-(\d{1,10}))?\s*", part)
        if match is None:
            break
        first = int(match[1])
        last = int(match[2] or first)
        if last - first >= MOST_RUNS:
            break
        found += range(first, last + 1)
    else:
        with suppress(ValueError):
            return seed_numbers(found) or ()
    raise UsageError(
        f"--seeds {short_repr(text)}: write different seeds such as 1-4 or 1,5,7, at most {MOST_RUNS}, each up to {MOST_SEED}"
    )


def plan_repetition(
    run: str, seeds: Sequence[int], out: str | None, data: str | None, options: Sequence[str] = ()
) -> tuple[list[PlannedRun], str]:
    """The runs that repeat a run with other seeds, by its record, and the folder that they go into.

    Args:
        run: run folder, a path or gs:// URI.
        seeds: different seeds; that of the run itself is left out.
        out: folder of the run folders; None is the one that holds the run.
        data: dataset folder; None is that of the newest session.
        options: further options of each `gan-train run`.

    Raises:
        DataError: there is no run, its record is damaged or names another dataset than its checkpoints, or the dataset is not
            where it was.
        UsageError: all seeds are that of the run, or `data` is not the dataset that it learned from.
        StorageError: a folder cannot be read.
    """
    folder = open_folder(run)
    record, sessions = read_record(folder), read_sessions(folder)
    check_digest(folder, record)
    parent, variant = _place(folder.uri)
    recipe, place, source = folder.locate(RECIPE), out or parent, data or (sessions[-1].data if sessions else record.dataset)
    planned = []
    for seed in seeds:
        if seed != record.recipe.seed:
            name = f"{variant}-seed-{seed}"
            target = f"{place.rstrip('/')}/{name}"
            seeded_options = ("--set", override("seed", seed), *init_options(record), *options)
            arguments = ("run", recipe, "--data", source, "-o", target, *seeded_options)
            seeded = record.recipe.model_copy(update={"seed": seed})
            planned.append(PlannedRun(name, variant, seed, seeded, source, target, arguments))
    digest = read_manifest(open_folder(source)).digest
    if digest != record.dataset_digest:
        raise UsageError(
            f"{source}: is dataset {digest[:12]}, and {run} learned from dataset {record.dataset_digest[:12]}; give that one "
            "with --data"
        )
    if not planned:
        raise UsageError(f"--seeds: {run} itself has seed {record.recipe.seed}; name others")
    return planned, place


def _place(uri: str) -> tuple[str, str]:
    """The folder that holds a run folder, and the name of the run folder."""
    if uri.startswith("gs://"):
        parent, _, name = uri.rstrip("/").rpartition("/")
        return parent, name
    path = Path(uri) if Path(uri).name not in ("", "..") else Path(uri).resolve()
    return str(path.parent), path.name
