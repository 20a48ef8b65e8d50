"""Class scores of fakes: which classes appear, how evenly, and whether they are the ones that were asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.errors import UsageError
from gan_train.metrics.classes import (
    class_agreement,
    class_balance,
    class_counts,
    class_coverage,
    classes_shown,
    predicted_classes,
)
from gan_train.scoring.scores import KINDS

pytestmark = pytest.mark.quick

COUNTS = st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any)


def test_their_names_are_those_of_scores() -> None:
    assert {score.__name__ for score in (class_coverage, class_balance, class_agreement)} <= set(KINDS)


def test_images_count_for_their_likeliest_class() -> None:
    predicted = predicted_classes([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
    assert predicted.tolist() == [1, 0, 2, 1]
    assert class_counts(predicted, 5).tolist() == [1, 2, 1, 0, 0]


def test_a_class_appears_with_a_tenth_of_its_share_of_reals() -> None:
    """A few images a classifier took for sevens do not make a generator of eights draw sevens."""
    assert classes_shown([9900, 99, 1, 0], [100, 100, 100, 0]).tolist() == [True, False, False, False]
    assert class_coverage([900, 100, 0, 0], [100, 100, 100, 0]) == pytest.approx(2 / 3)
    assert class_coverage([3, 3, 3], [1, 0, 1]) == 1.0


def test_balance_is_lost_by_the_share_that_would_have_to_move() -> None:
    assert class_balance([50, 50], [500, 500]) == 1.0
    assert class_balance([75, 25], [500, 500]) == 0.75
    assert class_balance([10, 0], [0, 10]) == 0.0


@given(fakes=COUNTS, reals=COUNTS)
def test_balance_is_a_share_whichever_set_is_which(fakes: list[int], reals: list[int]) -> None:
    assert class_balance(fakes, reals) >= -1e-12
    assert class_balance(fakes, reals) <= 1
    assert class_balance(fakes, reals) == pytest.approx(class_balance(reals, fakes))
    assert class_balance(fakes, fakes) == class_coverage(fakes, fakes) == 1


@given(first=COUNTS, second=COUNTS)
def test_counts_of_batches_add_up(first: list[int], second: list[int]) -> None:
    labels = [np.repeat(np.arange(4), counts) for counts in (first, second)]
    together = class_counts(np.concatenate(labels), 4)
    np.testing.assert_array_equal(together, class_counts(labels[0], 4) + class_counts(labels[1], 4))


def test_agreement_is_the_share_taken_for_what_was_asked() -> None:
    assert class_agreement([1, 2, 3, 4], [1, 2, 3, 9]) == 0.75


def test_what_cannot_be_compared_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match=r"fakes \(2\) and reals \(3\) are not the same"):
        class_balance([1, 2], [1, 2, 3])
    for label in (10, -1):
        with pytest.raises(UsageError, match=f"an image of class {label}, but the classifier has 10"):
            class_counts([3, label], 10)
    with pytest.raises(UsageError, match="an image or more of both"):
        class_coverage([0, 0], [1, 2])
    with pytest.raises(UsageError, match="not 3 for 2 images"):
        class_agreement([1, 2], [1, 2, 3])
    with pytest.raises(UsageError, match="class asked for each image"):
        class_agreement([], [])
