"""gan-train evaluate: what the generators of a run are worth, beside real images.

worth = Evaluation("runs/first", ScoringOptions(data="data/digits"))
worth.score(4500).lines()          # appended to scores.jsonl of the run
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from gan_core.errors import UsageError
from gan_core.progress import ProgressCounter, show_progress
from gan_core.storage import Folder
from gan_train.extractors.resizing import check_fits
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.layout import NEIGHBOURS
from gan_train.sampling.generator import SavedGenerator, saved_generator
from gan_train.scoring.best import check_ranks, keep_best
from gan_train.scoring.images import Images, fakes, reals, renumbered
from gan_train.scoring.measures import measured
from gan_train.scoring.nearest_reals import SHOWN, neighbours_png
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.real_statistics import real_statistics
from gan_train.scoring.scores import Scored, add_scored, read_scores
from gan_train.scoring.side import ImageStatistics, gathered

if TYPE_CHECKING:
    import keras

COUNT = 10_000
"""The number of reals and of fakes, unless it is given."""

FEWEST = 20
"""Below this no score is defined for sure: ten parts of the Inception Score, five neighbours of each half of a subset."""


@dataclass(frozen=True)
class ScoringOptions:
    """How a run is to be scored.

    Attributes:
        data: dataset folder of the reals.
        extractor: see `open_extractor`.
        weights: file of Inception's weights, or None.
        resizer: where images have not the extractor's size.
        split: of the dataset.
        count: of reals, or all there are if they are fewer, and of as many fakes.
        seed: of the fakes' latents.
        best: the score by which the best generator is kept.
    """

    data: str
    extractor: str = "auto"
    weights: str | None = None
    resizer: str = "bicubic"
    split: str = "train"
    count: int = COUNT
    seed: int = 0
    best: str = "fid"


class Evaluation:
    """Scores steps of one run; what they share is made once.

    Raises:
        UsageError: the run makes no images from latents, the dataset has others, or fewer than scores need.
        DataError: no run or dataset there, or one that is damaged; no weights.
    """

    def __init__(self, folder: str, question: ScoringOptions, step: int | None = None) -> None:
        check_ranks(question.best)
        newest = saved_generator(folder, step)
        recipe = newest.recipe
        if not isinstance(recipe.examples, ImageConfig):
            raise UsageError(f"{newest.run.uri}: recipe {recipe.name} makes points; scores are of images")
        from gan_train.data.dataset import open_dataset
        from gan_train.extractors.choose import open_extractor

        self._uri, self._question, self._newest = folder, question, newest
        self._shape = recipe.examples.shape
        self._dataset = open_dataset(question.data, recipe, question.split)
        count = min(question.count, self._dataset.examples)
        if count < FEWEST:
            raise UsageError(f"{question.data}: scores need {FEWEST} images or more, not {count}; prepare or ask for more")
        self._extractor = open_extractor(question.extractor, question.weights, self._dataset.manifest)
        resizer = check_fits(question.resizer, self._shape, self._extractor.shape, self._extractor.name)
        self._protocol = Protocol(
            extractor=self._extractor.name,
            extractor_hash=self._extractor.hash,
            resizer=resizer,
            dataset=self._dataset.manifest.digest,
            split=question.split,
            reals=count,
            fakes=count,
            seed=question.seed,
            weights="EMA" if recipe.averaged else "as trained",
            step=newest.step,
        )

    @property
    def run(self) -> Folder:
        """Its folder."""
        return self._newest.run

    def scored_steps(self) -> set[int]:
        """Steps whose scores by this protocol are in scores.jsonl."""
        protocols = {scored.protocol for scored in read_scores(self.run)}
        return {one.step for one in protocols if one == replace(self._protocol, step=one.step)}

    def score(self, step: int | None = None) -> Scored:
        """Score the generator of a step, or the one chosen at first; keep scores, neighbours and, if it is that, the best.

        Raises:
            DataError: the generator or the dataset is damaged.
            StorageError: the run folder cannot be written.
        """
        saved = self._newest if step is None else saved_generator(self._uri, step)
        protocol, generator = replace(self._protocol, step=saved.step), saved.sampling_network()
        real, count = self._real, protocol.fakes
        with show_progress(count, "fakes") as counted:
            made = self._gathered(self._fakes(saved, generator, count), count, counted)
        scored = Scored(protocol, measured(real, made))
        shown = next(self._fakes(saved, generator, SHOWN)).pixels
        self.run.write(NEIGHBOURS.name(saved.step), neighbours_png(shown, real, self._dataset, self._extractor, protocol))
        add_scored(self.run, scored)
        keep_best(self.run, scored, self._question.best)
        return scored

    @cached_property
    def _real(self) -> ImageStatistics:
        """The statistics of the reals."""

        def gather() -> ImageStatistics:
            with show_progress(self._protocol.reals, "reals") as counted:
                return self._gathered(reals(self._dataset, self._protocol.reals), self._protocol.reals, counted)

        return real_statistics(self._protocol, gather)

    def _fakes(self, saved: SavedGenerator, generator: "keras.Model", count: int) -> Iterator[Images]:
        return fakes(generator, saved.recipe, self._question.seed, count)

    def _gathered(self, images: Iterator[Images], count: int, counted: ProgressCounter) -> ImageStatistics:
        """The statistics of images whose labels are numbered as the extractor numbers the classes of the same names."""
        numbered = renumbered(images, self._dataset.class_names, self._extractor.class_names)
        return gathered(numbered, count, self._shape, self._extractor, self._protocol.resizer, counted)
