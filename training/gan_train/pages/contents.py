"""The contents of a report, read from a run folder, local or on gs://."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from gan_core.storage import Folder
from gan_train.logs.metrics_log import read_metrics
from gan_train.logs.trace import Point
from gan_train.logs.verdict import Verdict, read_verdicts
from gan_train.logs.watch import Standing, read_standing
from gan_train.pages.charts import Traces, best_point, score_points
from gan_train.pages.dataset_facts import DatasetFacts, read_dataset_facts
from gan_train.pages.embedded import GRID_BYTES, PICTURE_BYTES, EmbeddedPicture, embedded, evenly
from gan_train.pages.generated import GeneratedPictures, made_pictures
from gan_train.runs.layout import DATASET_PREVIEW, NEIGHBOURS, REALS, RECIPE, SAMPLES
from gan_train.runs.rollbacks import Rollbacks, read_rollbacks
from gan_train.runs.run_folder import RunRecord, read_record
from gan_train.runs.skipped import Skipped, read_skipped
from gan_train.scoring.scores import KINDS, Scored, read_scores


@dataclass(frozen=True)
class Grid:
    """The pictures that the generators made after a step."""

    step: int
    picture: EmbeddedPicture


@dataclass(frozen=True)
class ScoreRow:
    """A kind of score in words.

    Attributes:
        title: of the kind.
        about: what it says.
        newest: at the newest scored step.
        best: of all steps by the same yardstick; None where neither end is better.
    """

    title: str
    about: str
    newest: str
    best: Point | None


@dataclass(frozen=True)
class Contents:
    """All of a report.

    Attributes:
        standing: where the run stands.
        record: what it was made with.
        recipe_text: recipe.yaml without its second document.
        packages: versions by name.
        verdicts: on its training, in order.
        scored: all lines of scores.jsonl.
        traces: its metrics.
        grids: sample grids at even distances.
        grids_made: how many there are.
        reals: what they should look like, if it is there.
        made: pictures of the newest saved generator.
        neighbours: generated images beside their closest real ones, the newest, with its step.
        dataset: what it was trained on; None of a run that an earlier version began.
        preview: of the dataset.
        rollbacks, skipped: what went wrong and was put right.
    """

    standing: Standing
    record: RunRecord
    recipe_text: str
    packages: Mapping[str, str]
    verdicts: Sequence[Verdict]
    scored: Sequence[Scored]
    traces: Traces
    grids: Sequence[Grid]
    grids_made: int
    reals: EmbeddedPicture | None
    made: Sequence[tuple[GeneratedPictures, EmbeddedPicture]]
    neighbours: Grid | None
    dataset: DatasetFacts | None
    preview: EmbeddedPicture | None
    rollbacks: Rollbacks
    skipped: Sequence[Skipped]

    @property
    def title(self) -> str:
        """The recipe's name and the folder's."""
        return f"{self.record.recipe.name}: {self.standing.run}"

    @property
    def generators(self) -> set[str]:
        """Names of the generators' phases in the log."""
        return {pair.generator for pair in self.record.recipe.opponents}

    @property
    def verdict(self) -> Verdict | None:
        """The newest."""
        return self.verdicts[-1] if self.verdicts else None

    @property
    def rankable(self) -> list[Scored]:
        """Scores by the yardstick that was used last, in the order of steps."""
        return by_yardstick(self.scored, self.scored[-1].protocol.yardstick) if self.scored else []

    @property
    def scores(self) -> list[ScoreRow]:
        """The newest step's scores, each with the best of all steps by that yardstick."""
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
    """Pictures of a run folder as a page has them. Each is read once, for a file of a step never changes.

    Args:
        run: the folder.
    """

    def __init__(self, run: Folder) -> None:
        self._run = run
        self._pictures: dict[str, EmbeddedPicture] = {}

    def picture(self, name: str, limit: int = PICTURE_BYTES) -> EmbeddedPicture:
        """The picture of a name. Raises DataError if it is none."""
        if name not in self._pictures:
            self._pictures[name] = embedded(self._run.read(name), limit, self._run.locate(name))
        return self._pictures[name]

    def if_there(self, name: str) -> EmbeddedPicture | None:
        """The same, or None of a file that is not there."""
        return self.picture(name) if name in self._pictures or self._run.exists(name) else None

    def grids(self, steps: Sequence[int]) -> list[Grid]:
        """Sample grids of some of these steps, at even distances; pictures that are no longer shown are forgotten."""
        shown = evenly(steps)
        for step in set(steps) - set(shown):
            self._pictures.pop(SAMPLES.name(step), None)
        return [Grid(step, self.picture(SAMPLES.name(step), GRID_BYTES)) for step in shown]


def read_contents(run: Folder, book: PictureBook, traces: Traces | None = None) -> Contents:
    """Read what a report is made of.

    Args:
        run: the folder.
        book: its pictures.
        traces: its metrics, where they are known already.

    Raises:
        DataError: the folder holds no run, or one of its files is damaged; the message names it.
        StorageError: it cannot be read.
    """
    record = read_record(run)
    recipe_text, _, facts = run.read(RECIPE).decode().partition("\n---\n")
    packages: dict[str, str] = yaml.safe_load(facts).get("packages", {})
    samples = SAMPLES.steps(run)
    neighbours = NEIGHBOURS.steps(run)
    return Contents(
        standing=read_standing(run),
        record=record,
        recipe_text=recipe_text,
        packages=packages,
        verdicts=read_verdicts(run),
        scored=read_scores(run),
        traces=traces or Traces(read_metrics(run)),
        grids=book.grids(samples),
        grids_made=len(samples),
        reals=book.if_there(REALS),
        made=[(made, book.picture(made.name)) for made in made_pictures(run, record.recipe)],
        neighbours=Grid(neighbours[-1], book.picture(NEIGHBOURS.name(neighbours[-1]))) if neighbours else None,
        dataset=read_dataset_facts(run),
        preview=book.if_there(DATASET_PREVIEW),
        rollbacks=read_rollbacks(run),
        skipped=read_skipped(run),
    )


def by_yardstick(scored: Sequence[Scored], yardstick: tuple[str | int, ...]) -> list[Scored]:
    """Those measured by a yardstick, in the order of steps."""
    alike = [one for one in scored if one.protocol.yardstick == yardstick]
    return sorted(alike, key=lambda one: one.protocol.step)
