"""Messages of the library: dropped unless asked for, on stderr where they are, and open to a handler of one's own."""

import logging
import subprocess
import sys

import pytest

from gan_core.notices import LOGGER, is_shown, say, shown, warn


@pytest.mark.parametrize("before", ["", "import logging; logging.basicConfig(level=logging.DEBUG); "])
def test_a_library_call_prints_nothing(before: str) -> None:
    """Also where a package such as Beam has given the root logger a handler. In a process without the test runner's own."""
    script = f"{before}from gan_core.notices import say, warn; say('one'); warn('two')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_messages_are_shown_in_the_outermost_block(capsys: pytest.CaptureFixture[str]) -> None:
    with shown():
        with shown():
            say("one")
        warn("100% of it")
        assert is_shown()
    say("three")
    assert not is_shown()
    assert capsys.readouterr() == ("", "one\nwarning: 100% of it\n")


def test_a_handler_of_ones_own_gets_them() -> None:
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    keep = Keep()
    LOGGER.addHandler(keep)
    try:
        say("one")
        warn("two")
    finally:
        LOGGER.removeHandler(keep)
    assert [(record.levelname, record.getMessage()) for record in records] == [("INFO", "one"), ("WARNING", "two")]
