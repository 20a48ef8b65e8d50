"""The page report.html of a run, and its versions while the run trains and when it ends.

page = report_page(read_contents(run, PictureBook(run)))
"""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gan_core.errors import DataError, DivergenceError, FailedRunError, InterruptedRunError, StorageError
from gan_core.notices import warn
from gan_core.progress import duration, time_left
from gan_core.storage import Folder
from gan_train.logs.metrics_log import Row, read_metrics
from gan_train.logs.verdict import Verdict
from gan_train.logs.watch import DIED, ERROR
from gan_train.logs.writer import Writer
from gan_train.pages.charts import Traces, metric_charts, score_charts
from gan_train.pages.contents import Contents, PictureBook, read_contents
from gan_train.pages.generated import generate_pictures
from gan_train.pages.page import render
from gan_train.pages.rerun_command import rerun_command
from gan_train.runs.layout import REPORT
from gan_train.runs.origin import init_options

_SECTIONS = {
    "scores": "Scores",
    "samples": "Samples",
    "training": "Training",
    "speed": "Speed",
    "dataset": "Dataset",
    "recipe": "Recipe",
}
_TROUBLE = ("diverged", "failed", "interrupted", ERROR, DIED)


class LiveReport(Writer):
    """The report of a run that is training: rows are added as they are logged, and every picture is read once.

    Args:
        run: run folder.
    """

    def __init__(self, run: Folder) -> None:
        self._run, self._book, self._traces = run, PictureBook(run), Traces(read_metrics(run))

    def write_row(self, row: Row) -> None:
        self._traces.add(row)

    def write_summary(self) -> None:
        """Replace report.html. A page that cannot be written is a warning; only a StorageError is raised."""
        with _harmless():
            self._run.write(REPORT, report_page(read_contents(self._run, self._book, self._traces)))


@contextmanager
def reporting(run: Folder) -> Iterator[None]:
    """Write the report of a run at the end of the training in this block, also if it ends by an error.

    Pictures by the generator are generated only for a finished run, because one that was interrupted has no time for them.
    """
    try:
        yield
    except (DataError, DivergenceError, FailedRunError, InterruptedRunError):
        with _harmless():
            run.write(REPORT, report_page(read_contents(run, PictureBook(run))))
        raise
    with _harmless():
        generate_pictures(run)
        run.write(REPORT, report_page(read_contents(run, PictureBook(run))))


@contextmanager
def _harmless() -> Iterator[None]:
    """Turn every error of the block but StorageError into a warning: a page must not cost hours of training."""
    try:
        yield
    except StorageError:
        raise
    except Exception as error:
        warn(f"{REPORT} was not written: {type(error).__name__}: {error}")


def report_page(run: Contents) -> bytes:
    """The page of a run, UTF-8."""
    charts, scores = metric_charts(run.traces.curves(), run.generators), score_charts(run.rankable)
    first = init_options(run.record)
    quoted, data = shlex.quote(run.standing.run), shlex.quote(run.record.dataset)
    return render(
        "report.html.j2",
        run.title,
        [*charts, *scores],
        run=run,
        charts=charts,
        score_charts=scores,
        sections=list(_SECTIONS.items()),
        trouble=run.standing.words if run.standing.state in _TROUBLE else "",
        failures=earlier_failures(run.verdicts),
        grids_words=_grids_words(run),
        costs=_costs(run),
        dataset=_dataset(run),
        command=rerun_command(run.record),
        command_of_file=shlex.join(["gan-train", "run", "mine.yaml", "--data", run.record.dataset, "-o", "runs/again", *first]),
        ended_early=run.standing.words if run.standing.state == "finished" and run.standing.reason else "",
        quoted=quoted,
        data_quoted=data,
    )


def earlier_failures(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The last verdict of each failure that is over, in order."""
    stretches = {(one.kind, one.since): one for one in verdicts if one.failing}
    newest = (verdicts[-1].kind, verdicts[-1].since) if verdicts else None
    return [one for stretch, one in stretches.items() if stretch != newest]


def _grids_words(run: Contents) -> str:
    if not run.grids:
        return ""
    unchanged = run.grids[-1].picture.exact
    count = f"{len(run.grids)} of {run.grid_count} grids" if len(run.grids) < run.grid_count else f"{run.grid_count} grids"
    note = "" if unchanged else " Shown smaller or compressed; the run folder has them as they are."
    return f"{count}, each made from the same inputs.{note}"


def _costs(run: Contents) -> list[tuple[str, str]]:
    """Time, speed and memory of the training, from its newest row."""
    row, standing = run.standing.row, run.standing
    if row is None:
        return []
    elapsed, steps = row["elapsed"], row["step"]
    stalls = ", ".join(f"{row[name] / elapsed:.1%} for {name.removeprefix('stall.')}s" for name in row if name[:6] == "stall.")
    device = f", {row['memory.device'] / 2**20:,.0f} MB on the device" if "memory.device" in row else ""
    costs = [
        ("time of training", duration(elapsed)),
        ("of it standing still", stalls),
        ("on average", f"{steps * run.record.recipe.batch_size / elapsed:,.0f} images/s, all included"),
        ("in the newest steps", f"{row['images_per_second']:,.0f} images/s"),
        ("waiting for input", f"{row['input_wait']:.1%} of the newest steps"),
        ("memory", f"{row['memory.host'] / 2**20:,.0f} MB{device}"),
    ]
    if "input_skipped" in row:
        costs.append(("data left out", f"{row['input_skipped']:.1%}, damaged"))
    if not standing.ended:
        costs.append(("to go", time_left(standing.seconds_left)))
    return costs


def _dataset(run: Contents) -> list[tuple[str, str]]:
    facts, record = run.dataset, run.record
    if facts is None:
        rows = [("folder", record.dataset), ("digest", record.dataset_digest)]
        return [*rows, ("classes", ", ".join(record.class_names))] if record.class_names else rows
    splits = ", ".join(f"{name} {count:,}{' (trained on)' * (name in facts.read)}" for name, count in facts.splits.items())
    dropped = sum(facts.counts.dropped.values())
    rows = [
        ("name", facts.name),
        ("examples", splits),
        ("records", "; ".join(f"{name}: {words}" for name, words in facts.features.items())),
        ("classes", ", ".join(facts.class_names)),
        ("from the source", f"{facts.counts.read:,} read, {facts.counts.kept:,} kept, {dropped:,} dropped"),
        ("folder", facts.folder),
        ("digest", facts.digest),
    ]
    return [(name, words) for name, words in rows if words]
