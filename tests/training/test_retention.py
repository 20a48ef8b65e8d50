"""Which checkpoints stay: the last ones, every k-th, the best by a score; and that the command keeps to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.errors import UsageError
from gan_train.logs.metrics_log import Row
from gan_train.runs.retention import Best, Keep, kept_steps, parse_keep

pytestmark = pytest.mark.quick

STEPS = st.sets(st.integers(1, 200), min_size=1)
ROWS = st.dictionaries(st.integers(1, 200), st.sampled_from([0.0, 0.5, 1.0, 2.0])).map(
    lambda losses: [{"step": step, "d.loss": losses[step]} for step in sorted(losses)]
)
BEST = st.builds(Best, st.just("d.loss"), st.sampled_from(["min", "max"]))
KEEP = st.builds(Keep, st.integers(1, 5), st.none() | st.integers(1, 50), st.none() | BEST)


@given(STEPS, ROWS, KEEP)
def test_what_stays(steps: set[int], rows: list[Row], keep: Keep) -> None:
    kept = kept_steps(steps, rows, keep)
    assert kept <= steps
    assert set(sorted(steps)[-keep.last :]) <= kept
    if keep.every:
        assert {step for step in steps if step % keep.every == 0} <= kept
    wanted = keep.last + (len([step for step in steps if step % keep.every == 0]) if keep.every else 0) + bool(keep.best)
    assert len(kept) <= wanted
    assert kept_steps(kept, rows, keep) == kept


@given(STEPS, ROWS, KEEP)
def test_checkpoint_after_checkpoint_keeps_what_all_of_them_at_once_would(steps: set[int], rows: list[Row], keep: Keep) -> None:
    """The best of all there ever were is still there, though at each checkpoint only the rows so far are known."""
    there: set[int] = set()
    for step in sorted(steps):
        there = kept_steps(there | {step}, [row for row in rows if row["step"] <= step], keep)
    assert there == kept_steps(steps, rows, keep)


def test_a_score_is_the_newest_measurement_and_ties_go_to_the_earliest() -> None:
    rows = [{"step": 10, "fid": 5.0}, {"step": 15}, {"step": 30, "fid": 7.0}]
    assert kept_steps([5, 10, 20, 30, 40], rows, Keep(1, None, Best("fid", "min"))) == {10, 40}
    assert kept_steps([5, 10, 20, 30, 40], rows, Keep(1, None, Best("fid", "max"))) == {30, 40}
    assert kept_steps([5, 8], rows, Keep(1, None, Best("fid", "max"))) == {8}


def test_a_policy_is_read_part_by_part() -> None:
    assert parse_keep("last=3") == Keep()
    assert parse_keep("every=1000") == Keep(3, 1000)
    assert parse_keep("last=1, every=20, best=d_real.loss:min") == Keep(1, 20, Best("d_real.loss", "min"))


@pytest.mark.parametrize(
    "text", ["", "3", "last=0", "last=-1", "last=x", "every=0", "best=d.loss", "best=:min", "newest=3", ","]
)
def test_a_policy_that_cannot_be_read_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(UsageError, match="last=N, every=N"):
        parse_keep(text)
    with pytest.raises(UsageError, match="twice"):
        parse_keep("last=1,last=2")
