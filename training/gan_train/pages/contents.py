"""The contents of a report, read from a run folder, local or on gs://."""

from collections.abc import Sequence
from dataclasses import dataclass

from gan_core.storage import Folder
from gan_train.logs.metrics_log import read_metrics
from gan_train.logs.trace import Point
from gan_train.logs.verdict import Verdict, read_verdicts
from gan_train.logs.watch import Standing, read_standing
from gan_train.pages.charts import Traces, best_point, score_points
from gan_train.pages.embedded import GRID_BYTES, PICTURE_BYTES, EmbeddedPicture, embedded, evenly
from gan_train.pages.generated import GeneratedPicture, existing_pictures
from gan_train.runs.dataset_facts import DatasetFacts, read_dataset_facts
from gan_train.runs.layout import DATASET_PREVIEW, NEIGHBOURS, REALS, RECIPE, SAMPLES
from gan_train.runs.rollbacks import Rollbacks, read_rollbacks
from gan_train.runs.run_folder import RunRecord, read_record
from gan_train.runs.sessions import SessionRecord, read_sessions
from gan_train.runs.skipped import Skipped, read_skipped
from gan_train.scoring.quality import Quality, quality
from gan_train.scoring.scores import KINDS, Scored, read_scores


@dataclass(frozen=True)
class Grid:
    """A picture of the generator of one step."""

    step: int
    picture: EmbeddedPicture


@dataclass(frozen=True)
class ScoreRow:
    """A row of the table of scores.

    Attributes:
        title: name of the kind of score.
        about: its meaning in a few words.
        newest: value at the newest scored step.
        best: best value of all steps with the same yardstick; None if neither end is better.
    """

    title: str
    about: str
    newest: str
    best: Point | None


@dataclass(frozen=True)
class Contents:
    """The contents of a report.

    Attributes:
        standing: state of the run.
        record: recipe and dataset of the run.
        recipe_text: first document of recipe.yaml.
        verdicts: all verdicts on the training, in order.
        scored: all lines of scores.jsonl.
        traces: all metrics.
        grids: sample grids at even distances.
        grid_count: number of sample grids in the run folder.
        reals: real examples, if there is a picture of them.
        generated: pictures by the newest saved generator.
        neighbours: newest picture of generated images beside their nearest reals.
        dataset: description of the dataset; None for a run of an earlier version.
        preview: preview of the dataset.
        rollbacks, skipped: rollbacks, and shards that were left out.
        sessions: sessions of training, in order.
    """

    standing: Standing
    record: RunRecord
    recipe_text: str
    verdicts: Sequence[Verdict]
    scored: Sequence[Scored]
    traces: Traces
    grids: Sequence[Grid]
    grid_count: int
    reals: EmbeddedPicture | None
    generated: Sequence[tuple[GeneratedPicture, EmbeddedPicture]]
    neighbours: Grid | None
    dataset: DatasetFacts | None
    preview: EmbeddedPicture | None
    rollbacks: Rollbacks
    skipped: Sequence[Skipped]
    sessions: Sequence[SessionRecord]

    @property
    def title(self) -> str:
        """The names of the recipe and the folder."""
        return f"{self.record.recipe.name}: {self.standing.run}"

    @property
    def generators(self) -> set[str]:
        """Names of the generators' phases in the log."""
        return {pair.generator for pair in self.record.recipe.opponents}

    @property
    def verdict(self) -> Verdict | None:
        """The newest verdict, or None before the first."""
        return self.verdicts[-1] if self.verdicts else None

    @property
    def quality(self) -> Quality:
        """The quality of the images, as far as it is known."""
        return quality(self.record.recipe, self.scored)

    @property
    def rankable(self) -> list[Scored]:
        """Scores with the newest yardstick, by step."""
        return by_yardstick(self.scored, self.scored[-1].protocol.yardstick) if self.scored else []

    @property
    def scores(self) -> list[ScoreRow]:
        """The scores of the newest step, each with the best of all steps with that yardstick."""
        rankable = self.rankable
        if not rankable:
            return []
        newest = rankable[-1]
        return [
            ScoreRow(kind.title, kind.about, newest.text(name), best_point(score_points(rankable, name), name))
            for name, kind in KINDS.items()
            if name in newest.values
        ]


class PictureBook:
    """Pictures of a run folder for a page. Each is read once, because the file of a step never changes.

    Args:
        run: run folder.
        newest_only: whether the page shows the newest sample grid alone.
    """

    def __init__(self, run: Folder, newest_only: bool = False) -> None:
        self._run, self._newest_only = run, newest_only
        self._pictures: dict[str, EmbeddedPicture] = {}

    def picture(self, name: str, limit: int = PICTURE_BYTES) -> EmbeddedPicture:
        """A picture by the name of its file. Raises DataError if the file is no picture."""
        if name not in self._pictures:
            self._pictures[name] = embedded(self._run.read(name), limit, self._run.locate(name))
        return self._pictures[name]

    def if_there(self, name: str) -> EmbeddedPicture | None:
        """A picture by the name of its file, or None if there is no such file."""
        return self.picture(name) if name in self._pictures or self._run.exists(name) else None

    def grids(self, steps: Sequence[int]) -> list[Grid]:
        """The sample grids of some of the steps, at even distances. Pictures that are no longer shown are dropped."""
        shown = steps[-1:] if self._newest_only else evenly(steps)
        for step in set(steps) - set(shown):
            self._pictures.pop(SAMPLES.name(step), None)
        return [Grid(step, self.picture(SAMPLES.name(step), GRID_BYTES)) for step in shown]


def read_contents(run: Folder, book: PictureBook, traces: Traces | None = None) -> Contents:
    """Read the contents of a report.

    Args:
        run: run folder.
        book: pictures of the run.
        traces: metrics of the run, if they were read before.

    Raises:
        DataError: the folder holds no run, or one of its files is damaged; the message names it.
        StorageError: it cannot be read.
    """
    record = read_record(run)
    recipe_text = run.read(RECIPE).decode(errors="replace").partition("\n---\n")[0]
    samples = SAMPLES.steps(run)
    neighbours = NEIGHBOURS.steps(run)
    return Contents(
        standing=read_standing(run),
        record=record,
        recipe_text=recipe_text,
        verdicts=read_verdicts(run),
        scored=read_scores(run),
        traces=traces or Traces(read_metrics(run)),
        grids=book.grids(samples),
        grid_count=len(samples),
        reals=book.if_there(REALS),
        generated=[(generated, book.picture(generated.name)) for generated in existing_pictures(run, record.recipe)],
        neighbours=Grid(neighbours[-1], book.picture(NEIGHBOURS.name(neighbours[-1]))) if neighbours else None,
        dataset=read_dataset_facts(run),
        preview=book.if_there(DATASET_PREVIEW),
        rollbacks=read_rollbacks(run),
        skipped=read_skipped(run),
        sessions=read_sessions(run),
    )


def by_yardstick(scored: Sequence[Scored], yardstick: tuple[str | int, ...]) -> list[Scored]:
    """The scores with a yardstick, by step."""
    alike = [one for one in scored if one.protocol.yardstick == yardstick]
    return sorted(alike, key=lambda one: one.protocol.step)
