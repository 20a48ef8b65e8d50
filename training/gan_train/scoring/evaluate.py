"""gan-train evaluate: scores generators of a run against real images.

evaluation = Evaluation("runs/first", ScoringOptions(data="data/digits"))
evaluation.score(4500).lines()     # also appended to scores.jsonl of the run
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
from gan_train.scoring.compute import compute_scores
from gan_train.scoring.image_statistics import ImageStatistics, gather_statistics
from gan_train.scoring.images import Images, fakes, reals, renumbered
from gan_train.scoring.nearest_reals import SHOWN, neighbours_png
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.real_statistics import real_statistics
from gan_train.scoring.scores import Scored, add_scored, read_scores

if TYPE_CHECKING:
    import keras

COUNT = 10_000
"""Default number of reals, and of generated images."""

FEWEST = 20
"""Fewest images for which all scores are defined: the Inception Score has ten parts, and neighbourhoods five neighbours."""


@dataclass(frozen=True)
class ScoringOptions:
    """The options of `gan-train evaluate`.

    Attributes:
        data: dataset folder with the reals.
        extractor: name of the extractor; see `open_extractor`.
        weights: file of Inception's weights, or None.
        resizer: resizer for images that do not have the extractor's size.
        split: split of the dataset that holds the reals.
        count: number of reals and of generated images, each; fewer if the split has fewer.
        seed: seed of the latents of the generated images.
        best: name of the score that decides which generator is copied to best/.
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
    """Scores steps of one run; the dataset, the extractor and the statistics of the reals are loaded once.

    Raises:
        UsageError: the run generates no images, the dataset does not fit, or it has fewer images than scores need.
        DataError: there is no run or dataset, one is damaged, or there are no weights for the extractor.
    """

    def __init__(self, folder: str, options: ScoringOptions, step: int | None = None) -> None:
        check_ranks(options.best)
        newest = saved_generator(folder, step)
        recipe = newest.recipe
        if not isinstance(recipe.examples, ImageConfig):
            raise UsageError(f"{newest.run.uri}: recipe {recipe.name} makes points; scores are of images")
        from gan_train.data.dataset import open_dataset
        from gan_train.extractors.selection import open_extractor

        self._uri, self._options, self._newest = folder, options, newest
        self._shape = recipe.examples.shape
        self._dataset = open_dataset(options.data, recipe, options.split)
        count = min(options.count, self._dataset.examples)
        if count < FEWEST:
            raise UsageError(f"{options.data}: scores need {FEWEST} images or more, not {count}; prepare or ask for more")
        self._extractor = open_extractor(options.extractor, options.weights, self._dataset.manifest)
        resizer = check_fits(options.resizer, self._shape, self._extractor.shape, self._extractor.name)
        self._protocol = Protocol(
            extractor=self._extractor.name,
            extractor_hash=self._extractor.hash,
            resizer=resizer,
            dataset=self._dataset.manifest.digest,
            split=options.split,
            reals=count,
            fakes=count,
            seed=options.seed,
            weights="EMA" if recipe.averaged else "as trained",
            step=newest.step,
        )

    @property
    def run(self) -> Folder:
        """The run folder."""
        return self._newest.run

    def scored_steps(self) -> set[int]:
        """Steps that scores.jsonl has scores of, by this protocol."""
        protocols = {scored.protocol for scored in read_scores(self.run)}
        return {scored.step for scored in protocols if scored == replace(self._protocol, step=scored.step)}

    def score(self, step: int | None = None) -> Scored:
        """Score a generator, and write its scores, nearest neighbours and, if it is the best so far, its copy in best/.

        Args:
            step: of the generator; None is the step this object was made with.

        Raises:
            DataError: the generator or the dataset is damaged.
            StorageError: the run folder cannot be written.
        """
        saved = self._newest if step is None else saved_generator(self._uri, step)
        protocol, generator = replace(self._protocol, step=saved.step), saved.sampling_network()
        real, count = self._real, protocol.fakes
        with show_progress(count, "fakes") as counted:
            generated = self._gather(self._fakes(saved, generator, count), count, counted)
        scored = Scored(protocol, compute_scores(real, generated))
        examples = next(self._fakes(saved, generator, SHOWN)).pixels
        self.run.write(NEIGHBOURS.name(saved.step), neighbours_png(examples, real, self._dataset, self._extractor, protocol))
        add_scored(self.run, scored)
        keep_best(self.run, scored, self._options.best)
        return scored

    @cached_property
    def _real(self) -> ImageStatistics:
        """Statistics of the reals, from the cache of this machine if they are there."""

        def gather() -> ImageStatistics:
            with show_progress(self._protocol.reals, "reals") as counted:
                return self._gather(reals(self._dataset, self._protocol.reals), self._protocol.reals, counted)

        return real_statistics(self._protocol, gather)

    def _fakes(self, saved: SavedGenerator, generator: "keras.Model", count: int) -> Iterator[Images]:
        return fakes(generator, saved.recipe, self._options.seed, count)

    def _gather(self, images: Iterator[Images], count: int, counted: ProgressCounter) -> ImageStatistics:
        """The statistics of images whose labels are numbered as the extractor numbers the classes of the same names."""
        numbered = renumbered(images, self._dataset.class_names, self._extractor.class_names)
        return gather_statistics(numbered, count, self._shape, self._extractor, self._protocol.resizer, counted)
