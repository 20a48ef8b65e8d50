"""The runs of a comparison, and the variants that they belong to: runs that differ in nothing but their seeds.

runs = [ComparedRun(name, contents) for name, contents in ...]
for variant in group(runs):
    print(variant.name, [run.seed for run in variant.runs])
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gan_core.errors import DataError
from gan_core.progress import duration
from gan_core.storage import Folder, open_folder
from gan_train.pages.charts import COLOURS
from gan_train.pages.contents import Contents
from gan_train.recipe.document import flatten
from gan_train.runs.layout import RECIPE

_FREE_KEYS = ("seed", "about", "known_score")
"""Recipe keys in which runs of one variant may differ."""


@dataclass(frozen=True)
class ComparedRun:
    """A run in a comparison.

    Attributes:
        name: short and unique name.
        contents: contents of its report.
    """

    name: str
    contents: Contents

    @property
    def seed(self) -> int:
        return self.contents.record.recipe.seed

    @property
    def time(self) -> str:
        row = self.contents.standing.row
        return duration(row["elapsed"]) if row else "none yet"


@dataclass(frozen=True)
class Variant:
    """Runs with the same recipe but the seed, on the same dataset.

    Attributes:
        name: unique name: that of a single run, or what the names of its runs have in common.
        runs: with different seeds, in order of these.
        colour: index in the palette of the page; None for a variant that has no curves there.
    """

    name: str
    runs: tuple[ComparedRun, ...]
    colour: int | None = None

    @property
    def seeds(self) -> str:
        """The seeds, joined by commas."""
        return ", ".join(str(run.seed) for run in self.runs)


def run_folders(uris: Sequence[str]) -> list[Folder]:
    """The run folders that arguments stand for: a run folder for itself, any other folder for the runs directly in it.

    Raises:
        DataError: a folder is no run and holds none.
        StorageError: it cannot be read.
    """
    found: list[Folder] = []
    for uri in uris:
        folder = open_folder(uri)
        if folder.exists(RECIPE):
            found.append(folder)
            continue
        below = [name for name in folder.names() if re.fullmatch(rf"[^/]+/{re.escape(RECIPE)}", name)]
        if not below:
            raise DataError(
                f"{uri}: no {RECIPE} here, nor in a folder directly below; give folders of runs made by 'gan-train run', or "
                "the -o of a sweep"
            )
        found += [open_folder(folder.locate(name.removesuffix(f"/{RECIPE}"))) for name in below]
    return found


def group(runs: Sequence[ComparedRun]) -> list[Variant]:
    """The variants of runs, in the order of their first runs.

    A second run with the same recipe and the same seed repeats nothing: it begins a variant of its own.
    """
    groups: list[tuple[object, dict[int, ComparedRun]]] = []
    for run in runs:
        identity = _identity(run)
        fitting = (members for other, members in groups if other == identity and run.seed not in members)
        members = next(fitting, None)
        if members is None:
            members = {}
            groups.append((identity, members))
        members[run.seed] = run
    variants: list[Variant] = []
    for _, members in groups:
        ordered = tuple(members[seed] for seed in sorted(members))
        variants.append(Variant(_name(ordered, {variant.name for variant in variants}), ordered))
    return variants


def coloured(variants: Sequence[Variant], first: Sequence[str]) -> list[Variant]:
    """The variants with the colours of the page: all of them, or as many as there are, beginning with those named in `first`.

    Args:
        variants: all variants.
        first: names of variants, the best first.
    """
    places = {name: place for place, name in enumerate(first)}
    by_rank = sorted(variants, key=lambda variant: places.get(variant.name, len(places)))
    shown = {variant.name for variant in by_rank[:COLOURS]}
    colours = iter(range(COLOURS))
    return [replace(one, colour=next(colours)) if one.name in shown else one for one in variants]


def _identity(run: ComparedRun) -> object:
    """All that runs of one variant share: recipe, dataset and first weights."""
    record = run.contents.record
    first = [(one.run_digest, one.step, one.players, one.optimizers) for one in record.ancestry]
    keys = flatten(record.recipe.model_dump(mode="json"))
    return record.dataset_digest, first, {key: value for key, value in keys.items() if key.partition(".")[0] not in _FREE_KEYS}


def _name(runs: Sequence[ComparedRun], taken: set[str]) -> str:
    """The name of a run alone; of several that of the first without its seed, unless another variant has it."""
    whole = runs[0].name
    stem = whole.removesuffix(f"-seed-{runs[0].seed}") or whole
    return whole if len(runs) == 1 or stem in taken else stem
