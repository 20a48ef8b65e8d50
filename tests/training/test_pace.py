"""Calls of the device follow the clock, so that a request to stop never waits long for one."""

import pytest

from gan_train.loop.pace import CALL_SECONDS, Pace

pytestmark = pytest.mark.quick


def test_a_session_begins_with_single_steps_and_then_follows_the_clock() -> None:
    pace = Pace()
    assert pace.steps(10) == 1
    pace.note(30.0)
    assert pace.compiled and pace.steps(10) == 1
    pace.note(0.5)
    assert pace.steps(10) == CALL_SECONDS / 0.5
    assert pace.steps(3) == 3
    pace.note(5.0)
    assert pace.steps(10) == 1
    pace.note(0.0)
    assert pace.steps(10_000) == 10_000
