"""gan-train compare: runs side by side on one page, ranked by the scores they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from gan_core.errors import UsageError
from gan_core.progress import duration
from gan_core.storage import open_folder, write_file
from gan_train.pages.charts import COLOURS, Chart, Series, metric_charts, score_points, score_words
from gan_train.pages.contents import Contents, PictureBook, read_contents
from gan_train.pages.page import render
from gan_train.pages.ranking import Ranked, rank
from gan_train.pages.write import check_page_name
from gan_train.recipe.document import flatten
from gan_train.scoring.scores import KINDS

_UNTOLD = ("about",)
_HASH_DIGITS = 12


@dataclass(frozen=True)
class ComparedRun:
    """A run in a comparison.

    Attributes:
        name: short, and no other's.
        colour: place in the page's palette.
        contents: of its report.
    """

    name: str
    colour: int
    contents: Contents

    @property
    def time(self) -> str:
        row = self.contents.standing.row
        return duration(row["elapsed"]) if row else "none yet"


@dataclass(frozen=True)
class Difference:
    """A key that is not the same in all runs, and its value in each; empty where a recipe has no such key."""

    key: str
    values: tuple[str, ...]

    @property
    def shared(self) -> bool:
        """Whether every recipe has the key."""
        return all(self.values)


def compare(folders: Sequence[str], out: str) -> tuple[dict[str, Any], Ranked]:
    """Write the page; what a script wants to know, and the rankings.

    Args:
        folders: of at least two runs, local or gs://.
        out: path or gs:// URI that ends in .html.

    Raises:
        UsageError: fewer than two runs or too many, one twice, or runs whose scores were not measured alike.
        DataError, StorageError: as `read_contents`; nothing is written then.
    """
    check_page_name(out)
    _check_folders(folders)
    runs = [open_folder(folder) for folder in folders]
    contents = [read_contents(run, PictureBook(run)) for run in runs]
    names = short_names([run.uri for run in runs])
    sides = [ComparedRun(name, place, one) for place, (name, one) in enumerate(zip(names, contents, strict=True))]
    ranked = rank({side.name: side.contents.scored for side in sides})
    differences = recipe_differences(contents)
    write_file(out, _page(sides, ranked, differences))
    return _document(sides, ranked, differences, out), ranked


def _check_folders(folders: Sequence[str]) -> None:
    if len(folders) < 2:
        raise UsageError("one run alone is no comparison; give two or more, or see 'gan-train report RUN'")
    if len(folders) > COLOURS:
        raise UsageError(f"{len(folders)} runs; a page tells at most {COLOURS} apart")
    twice = [folder for folder in folders if folders.count(folder) > 1]
    if twice:
        raise UsageError(f"{twice[0]}: named twice; name each run once")


def short_names(uris: Sequence[str]) -> list[str]:
    """The last part of each, or all of it where two would be called the same."""
    lasts = [PurePosixPath(uri).name for uri in uris]
    return lasts if len(set(lasts)) == len(lasts) and all(lasts) else list(uris)


def recipe_differences(contents: Sequence[Contents]) -> list[Difference]:
    """Every key of the recipes that is not the same in all, and the datasets and versions if they differ."""
    told = []
    for one in contents:
        keys = {key: _text(value) for key, value in flatten(one.record.recipe.model_dump(mode="json")).items()}
        versions = {f"version of {name}": version for name, version in one.packages.items()}
        told.append(keys | {"dataset digest": one.record.dataset_digest[:_HASH_DIGITS]} | versions)
    every = dict.fromkeys(key for keys in told for key in keys if key not in _UNTOLD)
    rows = [Difference(key, tuple(keys.get(key, "") for keys in told)) for key in every]
    return [row for row in rows if len(set(row.values)) > 1]


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def _page(sides: Sequence[ComparedRun], ranked: Ranked, differences: Sequence[Difference]) -> bytes:
    charts, scores = _metric_charts(sides), _score_charts(sides, ranked)
    return render(
        "compare.html.j2",
        f"{len(sides)} runs side by side",
        [*charts, *scores],
        sides=sides,
        ranked=ranked,
        kinds=KINDS,
        charts=charts,
        score_charts=scores,
        differences=differences,
    )


def _metric_charts(sides: Sequence[ComparedRun]) -> list[Chart]:
    """A chart for each metric that at least two runs have, a curve for each run, in the order of a report."""
    charts: dict[str, Chart] = {}
    for side in sides:
        for chart in metric_charts(side.contents.traces.curves(), side.contents.generators):
            for series in chart.series:
                before = charts.get(series.name, Chart(f"metric-{series.name}", series.name, (), "", chart.share, chart.first))
                own = Series(side.name, series.points, side.colour, series.means)
                charts[series.name] = Chart(before.key, before.title, (*before.series, own), "", before.share, before.first)
    return sorted((chart for chart in charts.values() if len(chart.series) > 1), key=lambda chart: not chart.first)


def _score_charts(sides: Sequence[ComparedRun], ranked: Ranked) -> list[Chart]:
    charts = []
    for name, kind in KINDS.items():
        points = [(side, score_points(ranked.scored.get(side.name, ()), name)) for side in sides]
        series = tuple(Series(side.name, found, side.colour) for side, found in points if found)
        if len(series) > 1 and not name.endswith("_of_reals"):
            charts.append(Chart(f"score-{name}", kind.title, series, score_words(kind)))
    return charts


def _document(sides: Sequence[ComparedRun], ranked: Ranked, differences: Sequence[Difference], out: str) -> dict[str, Any]:
    return {
        "out": out,
        "runs": [
            {
                "run": side.contents.standing.run,
                "name": side.name,
                "state": side.contents.standing.state,
                "step": side.contents.standing.step,
                "verdict": side.contents.verdict.kind if side.contents.verdict else None,
                "scored": bool(side.contents.scored),
            }
            for side in sides
        ],
        "yardstick": list(ranked.protocol.yardstick) if ranked.protocol else None,
        "rankings": {
            ranking.name: [
                {"place": number, "run": place.run, "value": place.value, "step": place.step}
                for number, place in ranking.numbered()
            ]
            for ranking in ranked.rankings
        },
        "differences": {one.key: dict(zip([side.name for side in sides], one.values, strict=True)) for one in differences},
    }
