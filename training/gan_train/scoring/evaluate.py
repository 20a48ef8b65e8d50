"""gan-train evaluate: scores generators of a run against real images.

evaluation = Evaluation("runs/first", "data/digits", count=5000)
evaluation.score(4500).lines()     # also appended to scores.jsonl of the run
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict

from gan_core.errors import UsageError, check_least
from gan_core.progress import ProgressCounter, show_progress
from gan_core.storage import Folder
from gan_train.extractors.resizing import check_fits
from gan_train.latents.truncation import checked_truncation
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


class ScoringOptions(TypedDict, total=False):
    """The options of `gan-train evaluate` and `Run.evaluate`. `Evaluation` has the defaults.

    Attributes:
        extractor: "digits", "fashion", "inception", the folder of a classifier's run, or "auto"; see `open_extractor`.
        weights: file of Keras' InceptionV3 weights; None is the one of this machine.
        resizer: "nearest", "bilinear" or "bicubic", for images that do not have the extractor's size.
        split: split of the dataset that holds the reals.
        count: number of reals, or all if there are fewer, and of generated images.
        seed: seed of the latents of the generated images.
        best: name of the score that decides which generator is copied to best/.
        truncation: redraw numbers of the fakes' normal latents beyond this many standard deviations; None for none.
        truncation_psi: redraw them beyond two, then multiply them by this factor; None for none.
    """

    extractor: str
    weights: str | None
    resizer: str
    split: str
    count: int
    seed: int
    best: str
    truncation: float | None
    truncation_psi: float | None


class Evaluation:
    """Scores steps of one run; the dataset, the extractor and the statistics of the reals are loaded once.

    Args:
        folder: run folder, a path or gs:// URI.
        data: dataset folder with the reals, a path or gs:// URI.
        step: training step of the generator; None is the newest.
        extractor, weights, resizer, split, count, seed, best, truncation, truncation_psi: see `ScoringOptions`.

    Raises:
        UsageError: the run generates no images, the dataset does not fit, or it has fewer images than scores need.
        DataError: there is no run or dataset, one is damaged, or there are no weights for the extractor.
    """

    def __init__(
        self,
        folder: str,
        data: str,
        step: int | None = None,
        *,
        extractor: str = "auto",
        weights: str | None = None,
        resizer: str = "bicubic",
        split: str = "train",
        count: int = COUNT,
        seed: int = 0,
        best: str = "fid",
        truncation: float | None = None,
        truncation_psi: float | None = None,
    ) -> None:
        check_least(FEWEST, count=count)
        check_least(0, seed=seed)
        check_ranks(best)
        newest = saved_generator(folder, step)
        recipe = newest.recipe
        if not isinstance(recipe.examples, ImageConfig):
            raise UsageError(f"{newest.run.uri}: recipe {recipe.name} makes points; scores are of images")
        self._truncation = checked_truncation(recipe.latent, truncation, truncation_psi)
        from gan_train.data.dataset import open_dataset
        from gan_train.extractors.selection import open_extractor

        self._uri, self._newest, self._best = folder, newest, best
        self._shape = recipe.examples.shape
        self._dataset = open_dataset(data, recipe, split)
        count = min(count, self._dataset.examples)
        if count < FEWEST:
            raise UsageError(f"{data}: scores need {FEWEST} images or more, not {count}; prepare or ask for more")
        self._extractor = open_extractor(extractor, weights, self._dataset.manifest)
        self._protocol = Protocol(
            extractor=self._extractor.name,
            extractor_hash=self._extractor.hash,
            resizer=check_fits(resizer, self._shape, self._extractor.shape, self._extractor.name),
            dataset=self._dataset.manifest.digest,
            split=split,
            reals=count,
            fakes=count,
            seed=seed,
            weights="EMA" if recipe.averaged else "as trained",
            step=newest.step,
            truncation=str(self._truncation),
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
        keep_best(self.run, scored, self._best)
        return scored

    @cached_property
    def _real(self) -> ImageStatistics:
        """Statistics of the reals, from the cache of this machine if they are there."""

        def gather() -> ImageStatistics:
            with show_progress(self._protocol.reals, "reals") as counted:
                return self._gather(reals(self._dataset, self._protocol.reals), self._protocol.reals, counted)

        return real_statistics(self._protocol, gather)

    def _fakes(self, saved: SavedGenerator, generator: "keras.Model", count: int) -> Iterator[Images]:
        return fakes(generator, saved.recipe, self._protocol.seed, count, self._truncation)

    def _gather(self, images: Iterator[Images], count: int, counted: ProgressCounter) -> ImageStatistics:
        """The statistics of images whose labels are numbered as the extractor numbers the classes of the same names."""
        numbered = renumbered(images, self._dataset.class_names, self._extractor.class_names)
        return gather_statistics(numbered, count, self._shape, self._extractor, self._protocol.resizer, counted)
