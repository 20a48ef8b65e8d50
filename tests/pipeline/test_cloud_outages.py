"""gs:// whose storage dies and comes back, or does not: every operation, and a whole run."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gan_core.errors import StorageError
from gan_core.storage import CloudFolder, open_folder
from tests.support.datasets import prepare, run_cli
from tests.support.fake_storage import BUCKET, Emulator
from tests.support.image_files import encoded, noise

pytestmark = pytest.mark.alone

ROOT = f"gs://{BUCKET}/data"
LARGE = bytes(range(256)) * (10 << 12)  # more than a chunk, and no whole number of them


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    running = Emulator(tmp_path)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{running.port}")
    yield running
    running.kill()


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


def test_a_whole_run_outlives_its_storage(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage dies after every few shards and records, and comes back: photographs from gs://, dataset to gs://."""
    for number in range(6):
        open_folder(f"gs://{BUCKET}/raw").write(f"{number}.png", encoded(noise(number)))
        (tmp_path / "raw").mkdir(exist_ok=True)
        (tmp_path / "raw" / f"{number}.png").write_bytes(encoded(noise(number)))
    options = ("--image-size", "8", "--shards", "3")
    prepare(tmp_path / "twin", *options, source=tmp_path / "raw", dataset="images")
    write = CloudFolder.write
    writes: list[str] = []

    def fail_now_and_then(self: CloudFolder, name: str, content: bytes) -> None:
        writes.append(name)
        if len(writes) % 3 == 1:
            emulator.kill()
            emulator.start()
        write(self, name, content)

    monkeypatch.setattr(CloudFolder, "write", fail_now_and_then)
    prepare(f"gs://{BUCKET}/out", *options, source=f"gs://{BUCKET}/raw", dataset="images")
    assert len(writes) > 6
    assert shards_of(f"gs://{BUCKET}/out") == shards_of(tmp_path / "twin")
    assert run_cli("verify", f"gs://{BUCKET}/out", "--deep").code == 0


def shards_of(uri: str | Path) -> dict[str, bytes]:
    folder = open_folder(uri)
    return {name: folder.read(name) for name in folder.names() if name.endswith(".tfrecord")}
