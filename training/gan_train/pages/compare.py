"""gan-train compare: several runs on one page, ranked by the scores that they share."""

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

_OMITTED = ("about",)
_HASH_DIGITS = 12


@dataclass(frozen=True)
class ComparedRun:
    """A run in a comparison.

    Attributes:
        name: short and unique name.
        colour: index in the palette of the page.
        contents: contents of its report.
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
        folders: at least two run folders, local or gs://.
        out: path or gs:// URI that ends in .html.

    Raises:
        UsageError: there are fewer than two runs, too many, one twice, or their scores have no common yardstick.
        DataError, StorageError: as `read_contents`.
    """
    check_page_name(out)
    _check_folders(folders)
    folders_opened = [open_folder(folder) for folder in folders]
    contents = [read_contents(run, PictureBook(run)) for run in folders_opened]
    names = short_names([run.uri for run in folders_opened])
    runs = [ComparedRun(name, place, content) for place, (name, content) in enumerate(zip(names, contents, strict=True))]
    ranked = rank({run.name: run.contents.scored for run in runs})
    differences = recipe_differences(contents)
    write_file(out, _page(runs, ranked, differences))
    return _document(runs, ranked, differences, out), ranked


def _check_folders(folders: Sequence[str]) -> None:
    if len(folders) < 2:
        raise UsageError("one run alone is no comparison; give two or more, or see 'gan-train report RUN'")
    if len(folders) > COLOURS:
        raise UsageError(f"{len(folders)} runs; a page shows at most {COLOURS}")
    repeated = [folder for folder in folders if folders.count(folder) > 1]
    if repeated:
        raise UsageError(f"{repeated[0]}: named twice; name each run once")


def short_names(uris: Sequence[str]) -> list[str]:
    """The last part of each URI, or the whole URIs if two last parts are equal."""
    lasts = [PurePosixPath(uri).name for uri in uris]
    return lasts if len(set(lasts)) == len(lasts) and all(lasts) else list(uris)


def recipe_differences(contents: Sequence[Contents]) -> list[Difference]:
    """All recipe keys, dataset digests and package versions that differ between the runs."""
    values_by_run = []
    for content in contents:
        keys = {key: _text(value) for key, value in flatten(content.record.recipe.model_dump(mode="json")).items()}
        versions = {f"version of {name}": version for name, version in content.record.packages.items()}
        values_by_run.append(keys | {"dataset digest": content.record.dataset_digest[:_HASH_DIGITS]} | versions)
    every = dict.fromkeys(key for keys in values_by_run for key in keys if key not in _OMITTED)
    rows = [Difference(key, tuple(keys.get(key, "") for keys in values_by_run)) for key in every]
    return [row for row in rows if len(set(row.values)) > 1]


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def _page(runs: Sequence[ComparedRun], ranked: Ranked, differences: Sequence[Difference]) -> bytes:
    charts, scores = _metric_charts(runs), _score_charts(runs, ranked)
    return render(
        "compare.html.j2",
        f"{len(runs)} runs side by side",
        [*charts, *scores],
        runs=runs,
        ranked=ranked,
        kinds=KINDS,
        charts=charts,
        score_charts=scores,
        differences=differences,
    )


def _metric_charts(runs: Sequence[ComparedRun]) -> list[Chart]:
    """A chart for each metric that at least two runs have, with a curve for each run, in the order of a report."""
    charts: dict[str, Chart] = {}
    for run in runs:
        for chart in metric_charts(run.contents.traces.curves(), run.contents.generators):
            for series in chart.series:
                before = charts.get(series.name, Chart(f"metric-{series.name}", series.name, (), "", chart.share, chart.first))
                own = Series(run.name, series.points, run.colour, series.means)
                charts[series.name] = Chart(before.key, before.title, (*before.series, own), "", before.share, before.first)
    return sorted((chart for chart in charts.values() if len(chart.series) > 1), key=lambda chart: not chart.first)


def _score_charts(runs: Sequence[ComparedRun], ranked: Ranked) -> list[Chart]:
    charts = []
    for name, kind in KINDS.items():
        points = [(run, score_points(ranked.scored.get(run.name, ()), name)) for run in runs]
        series = tuple(Series(run.name, found, run.colour) for run, found in points if found)
        if len(series) > 1 and not name.endswith("_of_reals"):
            charts.append(Chart(f"score-{name}", kind.title, series, score_words(kind)))
    return charts


def _document(runs: Sequence[ComparedRun], ranked: Ranked, differences: Sequence[Difference], out: str) -> dict[str, Any]:
    return {
        "out": out,
        "runs": [
            {
                "run": run.contents.standing.run,
                "name": run.name,
                "state": run.contents.standing.state,
                "step": run.contents.standing.step,
                "verdict": run.contents.verdict.kind if run.contents.verdict else None,
                "scored": bool(run.contents.scored),
            }
            for run in runs
        ],
        "yardstick": list(ranked.protocol.yardstick) if ranked.protocol else None,
        "rankings": {
            ranking.name: [
                {"place": number, "run": place.run, "value": place.value, "step": place.step}
                for number, place in ranking.numbered()
            ]
            for ranking in ranked.rankings
        },
        "differences": {
            content.key: dict(zip([run.name for run in runs], content.values, strict=True)) for content in differences
        },
    }
