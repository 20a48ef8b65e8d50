"""A dataset is prepared from gs:// to gs:// though the storage dies and comes back again and again."""

from pathlib import Path

import pytest

from gan_core.storage import CloudFolder, open_folder
from tests.support.datasets import prepare, run_cli
from tests.support.fake_storage import BUCKET, Emulator
from tests.support.image_files import encoded, noise

pytestmark = pytest.mark.alone


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
