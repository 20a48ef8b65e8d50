"""The Inception Score of a stream equals that of Brownlee, Generative Adversarial Networks with Python, ch. 12.

Its parts do not depend on the order of files.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gan_core.errors import DataError, UsageError
from gan_train.metrics.inception_score import SplitSums, inception_score, split_of_each, streaming_splits
from gan_train.metrics.references import RECORDED, logits, uniform
from gan_train.metrics.spread import Spread

pytestmark = pytest.mark.quick


def streamed(probabilities: NDArray, batch: int, splits: int = 10, seed: int = 0) -> Spread:
    stream = streaming_splits(len(probabilities), seed, splits)
    for start in range(0, len(probabilities), batch):
        stream.add(probabilities[start : start + batch])
    return inception_score(stream.total())


def softmax(values: NDArray) -> NDArray:
    return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)


def as_the_text_has_it(probabilities: NDArray, split: NDArray, splits: int) -> list[float]:
    scores = []
    for part in range(splits):
        shares = probabilities[split == part]
        divergence = shares * (np.log(shares + 1e-16) - np.log(shares.mean(axis=0, keepdims=True) + 1e-16))
        scores.append(np.exp(divergence.sum(axis=1).mean()))
    return scores


@pytest.mark.parametrize("classes", [3, 10, 1000])
def test_sure_images_of_k_classes_score_k(classes: int) -> None:
    assert streamed(np.eye(classes), 7, splits=1).mean == pytest.approx(classes, rel=1e-9)


@pytest.mark.parametrize("row", [[1 / 3] * 3, [0.33, 0.33, 0.33], [0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
def test_fifty_images_that_are_all_the_same_score_one(row: list[float]) -> None:
    """Rows that do not quite sum to 1 do not matter."""
    score = streamed(np.tile(row, (50, 1)), 8)
    assert score.mean == pytest.approx(1.0, abs=1e-12)
    assert score.std == pytest.approx(0.0, abs=1e-12)


@given(count=st.integers(10, 400), batch=st.integers(1, 97), seed=st.integers(0, 99), splits=st.integers(1, 10))
def test_it_is_the_listing_of_the_text(count: int, batch: int, seed: int, splits: int) -> None:
    probabilities = softmax(6 * uniform(seed, count, 5))
    expected = as_the_text_has_it(probabilities, split_of_each(count, seed, splits), splits)
    score = streamed(probabilities, batch, splits, seed)
    assert score.mean == pytest.approx(np.mean(expected), rel=1e-10)
    assert score.std == pytest.approx(np.std(expected), abs=1e-10)


@given(count=st.integers(10, 500), splits=st.integers(1, 10), seed=st.integers(0, 99))
def test_parts_are_of_one_size_and_the_rest_is_in_none(count: int, splits: int, seed: int) -> None:
    parts, sizes = np.unique(split_of_each(count, seed, splits), return_counts=True)
    sizes = dict(zip(parts.tolist(), sizes.tolist(), strict=True))
    assert sizes.pop(-1, 0) == count % splits
    assert sizes == dict.fromkeys(range(splits), count // splits)


def test_images_that_come_class_by_class_score_as_mixed_ones() -> None:
    """In parts by the order of files each part would have one class, and score 1."""
    sorted_by_class = np.repeat(np.eye(10), 100, axis=0)
    in_order = SplitSums.of(sorted_by_class, np.arange(1000) // 100, 10)
    assert inception_score(in_order).mean == pytest.approx(1.0, abs=1e-9)
    assert streamed(sorted_by_class, 100).mean > 9


def test_it_agrees_with_torch_fidelity() -> None:
    sums = SplitSums.of(softmax(logits()), np.arange(2000) // 200, 10)
    assert inception_score(sums).mean == pytest.approx(RECORDED["torch-fidelity IS"], abs=1e-6)
    assert inception_score(sums).std == pytest.approx(RECORDED["torch-fidelity IS deviation"], abs=1e-6)


def test_what_cannot_be_scored_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="10 parts needs 10 images or more, not 9"):
        streaming_splits(9, 0)
    with pytest.raises(DataError, match="not finite"):
        streamed(np.full((20, 3), np.nan), 5)
    ended_early = streaming_splits(100, 0)
    ended_early.add(np.eye(10)[np.arange(99) % 10])
    with pytest.raises(UsageError, match="got fewer images than were announced"):
        inception_score(ended_early.total())
    with pytest.raises(UsageError, match="got fewer images than were announced"):
        inception_score(SplitSums.of(np.eye(3), np.full(3, -1), 10))
