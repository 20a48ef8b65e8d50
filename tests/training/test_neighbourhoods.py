"""Precision, recall, density and coverage tell what is wrong: fakes out of place, or reals nobody makes."""

import numpy as np
import pytest

from gan_core.errors import DataError, UsageError
from gan_train.metrics.neighbourhoods import Neighbourhoods, neighbourhoods
from gan_train.metrics.references import RECORDED, SHAPES, features, uniform

pytestmark = pytest.mark.quick

GRID = np.stack(np.meshgrid(np.arange(20), np.arange(20)), axis=-1).reshape(400, 2).astype(float)


@pytest.mark.parametrize(("count", "size"), SHAPES)
def test_they_agree_with_torch_fidelity_and_prdc(count: int, size: int) -> None:
    reals, fakes = features(count, size)
    by_papers, by_five = neighbourhoods(reals, fakes), neighbourhoods(reals, fakes, k=5)
    for name in ("precision", "recall"):
        assert getattr(by_papers, name) == pytest.approx(RECORDED[f"torch-fidelity {name} {count} x {size}"], abs=1e-6)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(by_five, name) == pytest.approx(RECORDED[f"prdc {name} {count} x {size}"], abs=1e-9)
    assert (by_papers.density, by_papers.coverage) == (by_five.density, by_five.coverage)


def test_reals_themselves_are_precise_complete_and_cover_all() -> None:
    points = features(700, 6)[0]
    assert neighbourhoods(points, points) == Neighbourhoods(precision=1.0, recall=1.0, density=1.0, coverage=1.0)


def test_fakes_far_from_all_reals_have_nothing() -> None:
    assert neighbourhoods(GRID, GRID + 1000) == Neighbourhoods(precision=0.0, recall=0.0, density=0.0, coverage=0.0)


def test_the_surface_belongs_to_the_ball_for_precision_and_recall_not_for_density_and_coverage() -> None:
    """Fakes one step outside the grid, whose points have three neighbours at that distance."""
    outside = np.stack([np.full(18, -1.0), np.arange(1.0, 19.0)], axis=1)
    assert neighbourhoods(outside, GRID, k=3).recall == 1.0
    found = neighbourhoods(GRID, outside, k=3)
    assert (found.precision, found.density, found.coverage) == (1.0, 0.0, 0.0)


def test_a_collapsed_generator_is_precise_and_covers_little() -> None:
    found = neighbourhoods(GRID, GRID[210] + 0.01 * uniform(1, 300, 2))
    assert found.precision == 1.0
    assert found.density > 1
    assert found.recall == 0.0
    assert found.coverage < 0.03


def test_one_real_far_away_makes_recall_of_no_one_and_precision_of_many() -> None:
    """Density and coverage withstand an outlier, whose neighbourhood takes in fakes unlike any (Naeem et al. 2020)."""
    reals = np.concatenate([GRID, [[400.0, 400.0]]])
    fakes = 100 + 100 * uniform(1, 300, 2)
    found = neighbourhoods(reals, fakes)
    assert found.precision == 1.0
    assert found.density < 0.25
    assert found.coverage < 0.01


def test_a_neighbourhood_needs_neighbours() -> None:
    with pytest.raises(UsageError, match="of 5 neighbours need more images than 5; score more or give a smaller k"):
        neighbourhoods(GRID, GRID[:5])
    assert neighbourhoods(GRID, GRID[:5], k=4).precision == 1.0
    with pytest.raises(UsageError, match="more images than 0"):
        neighbourhoods(GRID, GRID[:0])
    with pytest.raises(UsageError, match="at least one neighbour, not 0"):
        neighbourhoods(GRID, GRID, k=0)
    with pytest.raises(UsageError, match="features of one extractor"):
        neighbourhoods(GRID, GRID[:, :1])
    with pytest.raises(DataError, match="not finite"):
        neighbourhoods(GRID, GRID * np.nan)


def test_what_is_done_is_told_row_by_row() -> None:
    reals, fakes = features(700, 6)
    told: list[int] = []
    assert neighbourhoods(reals, fakes[:300], done=told.append) == neighbourhoods(reals, fakes[:300])
    assert sum(told) == 2 * 700 + 300
