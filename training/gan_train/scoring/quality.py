"""The quality of a run beside its verdict: its newest score against the range that the recipe knows.

A verdict says that a training goes as trainings go that work; whether the images are good is for a score to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gan_core.storage import Folder
from gan_train.recipe.base import Recipe
from gan_train.recipe.known_score import KnownScore
from gan_train.runs.run_folder import read_record
from gan_train.scoring.scores import KINDS, Scored, read_scores


@dataclass(frozen=True)
class Quality:
    """The quality of a run's images, as far as it is known.

    Attributes:
        level: "as known" within the recipe's known range or better, "worse" outside of it, "no range" where there are scores
            but none that the recipe knows a range of, "not measured" where there are none.
        words: a sentence.
    """

    level: Literal["as known", "worse", "no range", "not measured"]
    words: str

    def __str__(self) -> str:
        return f"quality: {self.words}"


def read_quality(run: Folder) -> Quality:
    """The quality of a run, from its folder alone.

    Raises:
        DataError: the folder holds no run, or a damaged one.
        StorageError: it cannot be read.
    """
    return quality(read_record(run).recipe, read_scores(run))


def quality(recipe: Recipe, scored: Sequence[Scored]) -> Quality:
    """The quality by the newest score that compares with the recipe's known one.

    Args:
        recipe: of the run.
        scored: its scores in the order in which they were made.
    """
    known = recipe.known_score
    if not scored:
        return Quality("not measured", f"not measured; 'gan-train evaluate' scores the images{_as_known(known)}.")
    comparable = [one for one in scored if known and _compares(known, one)]
    if known is None or not comparable:
        return Quality("no range", f"{_newest(scored[-1])}; the recipe knows no range of such scores{_as_known(known)}.")
    value, title = comparable[-1].values[known.score], KINDS[known.score].title
    low, high = known.range
    within = value <= high
    compared = "as good as" if within else "worse than"
    words = (
        f"{title} {value:.3g} at step {comparable[-1].protocol.step}, {compared} what is known of this "
        f"recipe: {low:g} to {high:g} ({known.of})."
    )
    return Quality("as known" if within else "worse", words)


def _compares(known: KnownScore, scored: Scored) -> bool:
    protocol = scored.protocol
    counts = {protocol.reals, protocol.fakes}
    return known.score in scored.values and protocol.extractor == known.extractor and counts == {known.images}


def _as_known(known: KnownScore | None) -> str:
    """The end of a sentence that says how to measure what the recipe knows."""
    if known is None:
        return ""
    title, images = KINDS[known.score].title, known.images
    return f" (known: {title} of {images} images by {known.extractor}: 'gan-train evaluate --count {images}')"


def _newest(scored: Scored) -> str:
    """The first score of a line, with its title and step."""
    name = next((name for name in KINDS if name in scored.values), None)
    return f"{KINDS[name].title} {scored.text(name)} at step {scored.protocol.step}" if name else "scored"
