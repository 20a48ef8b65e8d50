"""gan-train compare: runs on one page, ranked by the scores that they share; seeds of one variant as mean and deviation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from gan_core.errors import UsageError
from gan_core.storage import write_file
from gan_train.pages.bands import comparison_charts, comparison_score_charts
from gan_train.pages.contents import Contents, PictureBook, read_contents
from gan_train.pages.page import render
from gan_train.pages.ranking import SHARED_PLACES, Ranked, rank
from gan_train.pages.variants import ComparedRun, Variant, coloured, group, run_folders
from gan_train.pages.write import check_page_name
from gan_train.recipe.document import flatten
from gan_train.scoring.scores import KINDS

_OMITTED = ("about",)
_HASH_DIGITS = 12
_MOST_PICTURES = 4
"""Seeds of a variant whose samples are shown, so that a page with eight variants has at most 32 grids."""


@dataclass(frozen=True)
class Difference:
    """A key whose value differs between runs, and its value in each; "" for a recipe without the key."""

    key: str
    values: tuple[str, ...]

    @property
    def shared(self) -> bool:
        """Whether every recipe has the key."""
        return all(self.values)


def compare(folders: Sequence[str], out: str) -> tuple[dict[str, Any], Ranked]:
    """Write the page, and return the document for --json and the rankings.

    Args:
        folders: run folders, and folders of run folders such as those of sweeps, local or gs://; at least two runs.
        out: path or gs:// URI that ends in .html.

    Raises:
        UsageError: there are fewer than two runs, one twice, or their scores have no common yardstick.
        DataError, StorageError: as `read_contents`.
    """
    check_page_name(out)
    _check_repeated(folders)
    opened = run_folders(folders)
    if len(opened) < 2:
        raise UsageError("one run alone is no comparison; give two or more, or see 'gan-train report RUN'")
    _check_repeated([run.uri for run in opened])
    names = short_names([run.uri for run in opened])
    runs = [
        ComparedRun(name, read_contents(run, PictureBook(run, newest_only=True)))
        for name, run in zip(names, opened, strict=True)
    ]
    variants = group(runs)
    members = {variant.name: [run.name for run in variant.runs] for variant in variants}
    ranked = rank({run.name: run.contents.scored for run in runs}, members)
    best_first = [place.variant for _, place in ranked.rankings[0].numbered()] if ranked.rankings else []
    compared = Compared(coloured(variants, best_first), ranked)
    write_file(out, _page(compared))
    return _document(compared, out), ranked


def _check_repeated(folders: Sequence[str]) -> None:
    repeated = [folder for folder, count in Counter(folders).items() if count > 1]
    if repeated:
        raise UsageError(f"{repeated[0]}: named twice; name each run once")


def short_names(uris: Sequence[str]) -> list[str]:
    """The last part of each URI, or the whole URIs if two last parts are equal."""
    lasts = [PurePosixPath(uri).name for uri in uris]
    return lasts if len(set(lasts)) == len(lasts) and all(lasts) else list(uris)


def recipe_differences(variants: Sequence[Variant]) -> list[Difference]:
    """All recipe keys, dataset digests, first weights and package versions that differ between variants.

    Values that the runs of a variant do not share, such as their seeds, are joined by commas.
    """
    values_of = [[_values(run.contents) for run in variant.runs] for variant in variants]
    every = dict.fromkeys(key for runs in values_of for values in runs for key in values if key not in _OMITTED)
    rows = [
        Difference(key, tuple(", ".join(dict.fromkeys(values.get(key, "") for values in runs)) for runs in values_of))
        for key in every
    ]
    return [row for row in rows if len(set(row.values)) > 1]


def _values(content: Contents) -> dict[str, str]:
    """All that decides a run, by name."""
    record = content.record
    keys = {key: _text(value) for key, value in flatten(record.recipe.model_dump(mode="json")).items()}
    versions = {f"version of {name}": version for name, version in record.packages.items()}
    first = {"first weights": "; ".join(map(str, record.ancestry)) or "random"}
    return keys | {"dataset digest": record.dataset_digest[:_HASH_DIGITS]} | first | versions


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


@dataclass(frozen=True)
class Compared:
    """A comparison.

    Attributes:
        variants: with their colours.
        ranked: the rankings of the variants.
    """

    variants: Sequence[Variant]
    ranked: Ranked

    @property
    def runs(self) -> list[ComparedRun]:
        """All runs, by variant and seed."""
        return [run for variant in self.variants for run in variant.runs]

    @property
    def shown(self) -> list[Variant]:
        """The variants with curves and pictures."""
        return [variant for variant in self.variants if variant.colour is not None]

    @property
    def repeated(self) -> bool:
        """Whether a variant has several seeds."""
        return any(len(variant.runs) > 1 for variant in self.variants)

    @cached_property
    def differences(self) -> list[Difference]:
        """All that differs between the variants."""
        return recipe_differences(self.variants)

    @property
    def title(self) -> str:
        """The numbers of runs and variants."""
        count = f"{len(self.runs)} runs"
        return f"{count} of {len(self.variants)} variant{'s' * (len(self.variants) > 1)}" if self.repeated else count


def _page(compared: Compared) -> bytes:
    charts = comparison_charts(compared.shown)
    scores = comparison_score_charts(compared.shown, compared.ranked.scored)
    return render(
        "compare.html.j2",
        f"{compared.title} side by side",
        [*charts, *scores],
        compared=compared,
        ranked=compared.ranked,
        kinds=KINDS,
        charts=charts,
        score_charts=scores,
        differences=compared.differences,
        shared_places=SHARED_PLACES,
        most_pictures=_MOST_PICTURES,
    )


def _document(compared: Compared, out: str) -> dict[str, Any]:
    ranked = compared.ranked
    return {
        "out": out,
        "runs": [
            {
                "run": run.contents.standing.run,
                "name": run.name,
                "variant": variant.name,
                "seed": run.seed,
                "state": run.contents.standing.state,
                "step": run.contents.standing.step,
                "verdict": run.contents.verdict.kind if run.contents.verdict else None,
                "quality": run.contents.quality.level,
                "scored": bool(run.contents.scored),
            }
            for variant in compared.variants
            for run in variant.runs
        ],
        "yardstick": list(ranked.protocol.yardstick) if ranked.protocol else None,
        "rankings": {
            ranking.name: [
                {
                    "place": number,
                    "run": place.variant,
                    "runs": place.runs,
                    "value": place.value,
                    "deviation": place.deviation,
                    "step": place.step,
                }
                for number, place in ranking.numbered()
            ]
            for ranking in ranked.rankings
        },
        "differences": {
            one.key: dict(zip([variant.name for variant in compared.variants], one.values, strict=True))
            for one in compared.differences
        },
    }
