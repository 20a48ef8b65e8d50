"""The second lamp: the newest score of a run beside the range that its recipe knows."""

from dataclasses import replace

import pytest

from gan_train.recipe.document import difference, load_recipe
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.quality import quality
from gan_train.scoring.scores import Scored

pytestmark = pytest.mark.quick

PROTOCOL = Protocol("digits-classifier", "3fa9", "none", "77c1", "train", 2000, 2000, 0, "as trained", 6000)
LSGAN = load_recipe("mnist-lsgan")


def scored(fid: float, **protocol: object) -> Scored:
    return Scored(replace(PROTOCOL, **protocol), {"fid": fid})  # type: ignore[arg-type]


def test_a_run_without_scores_is_not_measured() -> None:
    found = quality(LSGAN, [])
    assert found.level == "not measured"
    assert str(found) == (
        "quality: not measured; 'gan-train evaluate' scores the images (known: FID of 2000 images by digits-classifier: "
        "'gan-train evaluate --count 2000')."
    )


@pytest.mark.parametrize(
    ("fid", "level", "words"),
    [(52.0, "as known", "as good as"), (30.0, "as known", "as good as"), (180.0, "worse", "worse than")],
)
def test_the_newest_comparable_score_decides(fid: float, level: str, words: str) -> None:
    found = quality(LSGAN, [scored(500.0, step=10), scored(fid), scored(1.0, reals=100, fakes=100)])
    assert found.level == level
    assert found.words == (
        f"FID {fid:.3g} at step 6000, {words} what is known of this recipe: 40 to 65 (--short on 10,000 digits, 6,000 steps)."
    )


@pytest.mark.parametrize(
    ("other", "few"),
    [({"extractor": "inception-v3"}, ""), ({"fakes": 1000}, " (few images)"), ({"reals": 1000}, " (few images)")],
)
def test_a_score_that_was_measured_otherwise_is_not_compared(other: dict[str, object], few: str) -> None:
    found = quality(LSGAN, [scored(5.0, **other)])
    assert found.level == "no range"
    assert found.words.startswith(f"FID 5{few} at step 6000; the recipe knows no range of such scores (known: FID of 2000")


def test_a_recipe_that_knows_no_range_says_so() -> None:
    assert quality(load_recipe("mnist-dcgan"), [scored(5.0)]).words == (
        "FID 5 at step 6000; the recipe knows no range of such scores."
    )


def test_a_known_score_makes_no_other_run() -> None:
    """Runs that began before their recipe knew a score go on."""
    assert difference(LSGAN.model_copy(update={"known_score": None}), LSGAN) is None
