"""A request to stop waits for a safe point, or ends at once a block that has nothing to lose."""

import os
import signal

import pytest

from gan_core.errors import InterruptedRunError
from gan_core.interruption import interruption

pytestmark = pytest.mark.quick

NUMBERS = (signal.SIGTERM, signal.SIGINT)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_noted_and_waits(number: signal.Signals) -> None:
    with interruption() as wish:
        os.kill(os.getpid(), number)
        assert wish.check(1) and wish.name == number.name


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_ends_a_block_that_has_nothing_to_lose(number: signal.Signals) -> None:
    with interruption() as wish:
        with pytest.raises(InterruptedRunError, match=f"stopped by {number.name} before a step was done"), wish.at_once():
            os.kill(os.getpid(), number)
            pytest.fail("the block went on")
        assert wish.check(1)


def test_a_signal_before_such_a_block_ends_it_too() -> None:
    with interruption() as wish:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(InterruptedRunError), wish.at_once():
            pytest.fail("the block began")
