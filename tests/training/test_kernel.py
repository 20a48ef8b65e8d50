"""KID has no bias, the same subsets each time, and the value other programs give."""

import numpy as np
import pytest

from gan_core.errors import DataError, UsageError
from gan_train.metrics.kernel import kernel_distance, squared_discrepancy, subset_discrepancies
from gan_train.metrics.references import RECORDED, SHAPES, SUBSETS, SUBSETS_SEED, features, uniform
from gan_train.metrics.spread import Spread

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(("count", "size"), SHAPES)
def test_it_agrees_with_torch_fidelity_on_its_own_subsets(count: int, size: int) -> None:
    reals, fakes = features(count, size)
    draws = np.random.RandomState(SUBSETS_SEED)
    values = []
    for _ in range(SUBSETS):
        of_fakes, of_reals = (draws.choice(count, count // 4, replace=False) for _ in range(2))
        values.append(squared_discrepancy(reals[of_reals], fakes[of_fakes]))
    spread = Spread.of(values)
    assert spread.mean == pytest.approx(RECORDED[f"torch-fidelity KID of subsets {count} x {size}"], abs=1e-9)
    assert spread.std == pytest.approx(RECORDED[f"torch-fidelity KID deviation {count} x {size}"], abs=1e-9)


def test_it_is_the_same_each_time_and_differs_by_seed_no_more_than_it_says() -> None:
    reals, fakes = features(100, 16)
    distance = kernel_distance(reals, fakes, seed=5)
    assert distance == kernel_distance(reals.astype(np.float64), fakes, seed=5)
    other = kernel_distance(reals, fakes, seed=6)
    assert other != distance
    assert other.mean == pytest.approx(distance.mean, abs=distance.std)


def test_images_of_one_distribution_are_at_no_distance_on_average_however_few() -> None:
    """FID would be far above zero."""
    points = uniform(1, 4000, 4)
    values = [squared_discrepancy(points[i : i + 10], points[i + 10 : i + 20]) for i in range(0, 4000, 20)]
    assert np.mean(values) == pytest.approx(0, abs=3 * np.std(values) / np.sqrt(len(values)))
    assert min(values) < 0


def test_few_images_have_subsets_of_half_of_them() -> None:
    reals, fakes = features(40, 6)
    values = list(subset_discrepancies(reals, fakes[:30], seed=1, subsets=20))
    assert len(values) == 20
    assert len(set(values)) == 20
    assert list(subset_discrepancies(reals, fakes[:30], 1, 3, size=15)) == values[:3]
    assert list(subset_discrepancies(reals, fakes[:30], 1, 3, size=14)) != values[:3]


def test_what_cannot_be_compared_is_refused_in_words() -> None:
    reals, fakes = features(10, 6)
    with pytest.raises(UsageError, match="four images or more of each, not 10 and 3; score more"):
        kernel_distance(reals, fakes[:3], 0)
    with pytest.raises(UsageError, match="features of one extractor"):
        kernel_distance(reals, fakes[:, :5], 0)
    with pytest.raises(DataError, match="not finite"):
        kernel_distance(reals, fakes * np.inf, 0)


def test_every_subset_is_told() -> None:
    reals, fakes = features(60, 5)
    told: list[int] = []
    assert kernel_distance(reals, fakes, 0, told.append) == kernel_distance(reals, fakes, 0)
    assert sum(told) == 100
