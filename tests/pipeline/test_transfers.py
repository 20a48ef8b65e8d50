"""Bytes that are damaged between gs:// and here: read again, and never taken for a damaged image."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.datasets import failures, run_cli, write_files
from tests.support.fake_storage import Answer, FakeStorage, Fault, Request, fake_storage
from tests.support.image_files import encoded, noise, zipped
from tests.support.tfrecords import records

FILES = {f"{number:02d}.png": encoded(noise(number)) for number in range(12)}
SMALL = ("--image-size", "8", "--shards", "1")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStorage]:
    with fake_storage() as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        yield storage


def damaging(times: int) -> Fault:
    """Changes a byte of each piece of content in its first so many transfers, each time another byte."""
    transfers = Counter[tuple[str, str | None]]()

    def damage(request: Request, serve: Callable[[Request], Answer]) -> Answer:
        status, headers, body = serve(request)
        # The directory of a .zip is left alone, and so is the look at its first bytes.
        if request.kind != "GET media" or not 513 <= len(body) <= 4000:
            return status, headers, body
        piece = (request.path, request.headers.get("range"))
        transfers[piece] += 1
        if transfers[piece] > times:
            return status, headers, body
        at = 100 + transfers[piece]
        return status, headers, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]

    return damage


def put(fake: FakeStorage, kind: str) -> str:
    if kind == "zip":
        fake.put("in.zip", zipped(FILES))
        return "gs://bucket/in.zip"
    for name, content in FILES.items():
        fake.put(f"in/{name}", content)
    return "gs://bucket/in"


@pytest.mark.parametrize("kind", ["zip", "prefix"])
def test_the_first_transfers_are_damaged(kind: str, fake: FakeStorage, tmp_path: Path) -> None:
    source = put(fake, kind)
    assert run_cli("prepare", "images", "--source", source, "-o", tmp_path / "whole", *SMALL).code == 0
    fake.always = damaging(2)
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", *SMALL)
    assert ran.code == 0, ran.err
    assert failures(tmp_path / "out") == []
    assert records(tmp_path / "out") == records(tmp_path / "whole")
    assert records(tmp_path / "out").keys() == FILES.keys()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("zip", "arrives damaged and each time differently, 3 times now; check the network"),
        ("prefix", "damaged on the way, its checksum differs in 3 transfers; check the network"),
    ],
)
def test_every_transfer_is_damaged(kind: str, words: str, fake: FakeStorage, tmp_path: Path) -> None:
    source = put(fake, kind)
    fake.always = damaging(1000)
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", *SMALL)
    assert (ran.code, words in ran.err) == (5, True), ran.err
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_an_image_that_is_damaged_in_the_zip_itself(fake: FakeStorage, tmp_path: Path) -> None:
    archive = zipped(FILES)
    at = archive.index(b"03.png") + 200
    for name in ("gs", "disk"):
        broken = archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]
        fake.put("in.zip", broken)
        source = "gs://bucket/in.zip" if name == "gs" else str(write_files(tmp_path, {"in.zip": broken}) / "in.zip")
        out = tmp_path / name
        ran = run_cli("prepare", "images", "--source", source, "-o", out, *SMALL, "--max-failure-rate", "0.5")
        assert ran.code == 0, ran.err
        assert [(line["id"], line["reason"]) for line in failures(out)] == [("03.png", "corrupt or cut off")]
