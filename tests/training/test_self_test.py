"""The self-test passes here, covers every score that comes of features, and notices what is wrong."""

import dataclasses
from itertools import product

import pytest

from gan_train.metrics import self_test as subject
from gan_train.metrics.references import SHAPES
from gan_train.metrics.self_test import Check, self_test


def test_every_check_passes_and_says_so() -> None:
    checks = self_test()
    assert [str(check) for check in checks if not check.passed] == []
    assert len({check.name for check in checks}) == len(checks) > 25
    assert all(str(check).startswith("ok     ") for check in checks)


def test_a_check_fails_beyond_its_tolerance_and_at_what_is_not_a_number() -> None:
    check = Check("FID of features and themselves", 0.0, 1e-3, 1e-2)
    assert check.passed
    for wrong in (0.02, -0.02, float("nan"), float("inf")):
        failed = dataclasses.replace(check, got=wrong)
        assert not failed.passed
        assert str(failed).startswith("FAILED FID of features and themselves")


def test_scores_that_are_a_thousandth_off_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for score in ("frechet_distance", "squared_discrepancy"):
        right = getattr(subject, score)
        monkeypatch.setattr(subject, score, lambda *given, right=right: 1.001 * right(*given))
    failed = {check.name for check in self_test() if not check.passed}
    assert {"FID and the root of the matrix product", "KID and the sum over pairs"} <= failed
    for program, (count, size) in product(("torch-fidelity FID", "pytorch-fid FID", "torch-fidelity KID"), SHAPES):
        assert f"agreement with {program} {count} x {size}" in failed
