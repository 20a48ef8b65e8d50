"""gs:// whose storage dies and comes back, or does not, at every operation."""

import time
from collections.abc import Callable

import pytest

from gan_core.errors import StorageError
from gan_core.storage import open_folder
from tests.support.fake_storage import BUCKET, Emulator

pytestmark = pytest.mark.alone

ROOT = f"gs://{BUCKET}/data"
LARGE = bytes(range(256)) * (10 << 12)  # more than a chunk, and no whole number of them


def test_a_storage_that_is_killed_and_comes_back(emulator: Emulator) -> None:
    folder = open_folder(ROOT)
    with folder.create("big") as out:
        for start in range(0, len(LARGE), 1 << 20):
            out.write(LARGE[start : start + (1 << 20)])
            if start == 9 << 20:
                # The first chunk has arrived; the rest follows after the restart.
                emulator.kill()
                emulator.start()
    operations: list[Callable[[], object]] = [
        lambda: folder.read("big"),
        lambda: folder.write("small", b"content"),
        lambda: folder.names(),
        lambda: folder.write_new("small", b"other"),
        lambda: folder.remove_all("s"),
    ]
    outcomes = []
    for operation in operations:
        emulator.kill()
        emulator.start()
        outcomes.append(operation())
    assert outcomes == [LARGE, None, ["big", "small"], False, None]
    assert folder.names() == ["big"]


def test_a_storage_that_does_not_come_back(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = open_folder(ROOT)
    folder.write("a", b"")
    monkeypatch.setenv("GANMILL_STORAGE_TIMEOUT", "1")
    emulator.kill()
    began = time.monotonic()
    with pytest.raises(StorageError, match="could not be reached for 1 seconds"):
        folder.read("a")
    assert time.monotonic() - began < 20
