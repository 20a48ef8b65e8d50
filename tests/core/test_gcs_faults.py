"""gs:// when things go wrong: outages, lost answers, missing rights, damage, and other programs that write too."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gan_core.errors import StorageError, UsageError
from gan_core.storage import Folder, open_folder
from gan_core.storage.gcs_client import CONNECTIONS
from gan_core.storage.gcs_upload import CHUNK
from tests.support.fake_storage import (
    BUCKET,
    FakeStorage,
    Fault,
    Request,
    break_before,
    cut_answer,
    fake_storage,
    flip_answer,
    flip_request,
    lose_answer,
    refuse,
)

pytestmark = pytest.mark.alone

ROOT = f"gs://{BUCKET}/data"
LARGE = bytes(range(256)) * (10 << 12)  # more than a chunk, and no whole number of them
OTHER = LARGE[:-1] + b"?"
assert CHUNK < len(LARGE) < 2 * CHUNK


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStorage]:
    """A storage with two objects; what is tried again is so at once, and for as long as it takes."""
    with fake_storage() as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        monkeypatch.setattr("google.api_core.retry.retry_unary.time.sleep", lambda seconds: None)
        storage.put("data/a", b"first")
        storage.put("data/b", LARGE)
        yield storage


def write_large(folder: Folder) -> None:
    with folder.create("new") as out:
        for start in range(0, len(LARGE), 1 << 20):
            out.write(LARGE[start : start + (1 << 20)])


def local_content(folder: Folder) -> bytes:
    with folder.local_file("b") as path:
        return path.read_bytes()


def piecewise(folder: Folder) -> tuple[bytes, bytes]:
    with folder.open_binary("b") as file:
        file.seek(-3, os.SEEK_END)
        end = file.read()
        file.seek(1_000_000)
        return end, file.read(5)


OPERATIONS: dict[str, tuple[Callable[[Folder], object], object]] = {
    "exists": (lambda folder: folder.exists("a"), True),
    "does not exist": (lambda folder: folder.exists("absent"), False),
    "size": (lambda folder: folder.size("a"), 5),
    "names": (lambda folder: folder.names(), ["a", "b"]),
    "read": (lambda folder: folder.read("b"), LARGE),
    "read a range": (lambda folder: folder.read_range("b", 1, 3), b"\1\2\3"),
    "read piecewise": (piecewise, (LARGE[-3:], LARGE[1_000_000:1_000_005])),
    "copy here": (local_content, LARGE),
    "write": (lambda folder: folder.write("a", b"second"), None),
    "write much": (lambda folder: folder.write("a", LARGE), None),
    "stream": (write_large, None),
    "update": (lambda folder: folder.update("a", lambda before: before + b" and more"), None),
    "update nothing": (lambda folder: folder.update("new", lambda before: before + b"line"), None),
    "write anew": (lambda folder: folder.write_new("new", b"mine"), True),
    "write anew in vain": (lambda folder: folder.write_new("a", b"mine"), False),
    "remove": (lambda folder: folder.remove("a"), None),
    "remove all": (lambda folder: folder.remove_all(""), None),
}
FAULTS: dict[str, Fault] = {
    "too many requests": refuse(429, "slow down"),
    "unavailable": refuse(503, "try again"),
    "broken connection": break_before,
    "lost answer": lose_answer,
    "cut answer": cut_answer,
}


def contents(fake: FakeStorage) -> dict[str, bytes]:
    return {name: stored.content for name, stored in fake.objects.items()}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_request_may_fail_once(fake: FakeStorage, operation: str, fault: str) -> None:
    """Each request of an operation in turn meets the fault; the outcome is as without it."""
    act, result = OPERATIONS[operation]
    start = dict(fake.objects)
    assert act(open_folder(ROOT)) == result
    wanted, requests = contents(fake), len(fake.requests)
    for number in range(requests):
        fake.objects = dict(start)
        fake.faults = [None] * number + [FAULTS[fault]]
        assert act(open_folder(ROOT)) == result
        assert contents(fake) == wanted
        assert not fake.faults
    assert contents(fake) == wanted


@pytest.mark.parametrize("fault", FAULTS)
def test_an_outage_may_last(fake: FakeStorage, fault: str) -> None:
    fake.faults = [FAULTS[fault]] * 12
    write_large(open_folder(ROOT))
    assert contents(fake)["data/new"] == LARGE


def test_the_patience_ends(fake: FakeStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANMILL_STORAGE_TIMEOUT", "0.5")
    fake.always = refuse(503, "Backend Error")
    for operation in ("exists", "names", "read", "write", "stream", "remove all"):
        message = r"gs://bucket/data.*could not be reached for 0.5 seconds \(503 .*Backend Error.*check the network"
        with pytest.raises(StorageError, match=message):
            OPERATIONS[operation][0](open_folder(ROOT))


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("GANMILL_STORAGE_TIMEOUT", "0")
    with pytest.raises(StorageError, match=r"could not be reached for 0 seconds \(.*refused.*GANMILL_STORAGE_TIMEOUT"):
        open_folder(ROOT).read("a")


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_patience_that_is_no_number(fake: FakeStorage, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GANMILL_STORAGE_TIMEOUT", text)
    with pytest.raises(UsageError, match=f"GANMILL_STORAGE_TIMEOUT={text}: not a number of seconds"):
        open_folder(ROOT).exists("a")


_DENIED = (
    "trainer@project.iam.gserviceaccount.com does not have {} access to the Google Cloud Storage object. "
    "Permission '{}' denied on resource (or it may not exist)."
)


@pytest.mark.parametrize(
    ("operation", "status", "message", "words"),
    [
        ("read", 403, _DENIED.format(*["storage.objects.get"] * 2), "storage.objects.get is missing; .*objectViewer"),
        ("names", 403, _DENIED.format(*["storage.objects.list"] * 2), "storage.objects.list is missing; .*objectViewer"),
        (
            "write anew",
            403,
            _DENIED.format(*["storage.objects.create"] * 2),
            "storage.objects.create is .*objectUser.*trainer@",
        ),
        ("remove", 403, _DENIED.format(*["storage.objects.delete"] * 2), "storage.objects.delete is .*objectUser"),
        ("read", 403, "The billing account is disabled.", "Google says: .*billing account is disabled"),
        ("read", 401, "Invalid Credentials", "no valid Google credentials; run 'gcloud auth application-default login'"),
        ("read", 400, "Bucket is a requester pays bucket but no user project provided.", "copy the files into a bucket"),
        ("read", 404, "The specified bucket does not exist.", "gs://bucket/data/b: not found; there is no such bucket"),
        ("read", 400, "Nonsense", r"gs://bucket/data/b: the storage refused \(400 .*Nonsense"),
    ],
)
def test_a_refusal_says_what_to_do(fake: FakeStorage, operation: str, status: int, message: str, words: str) -> None:
    fake.always = refuse(status, message)
    with pytest.raises(StorageError, match=words):
        OPERATIONS[operation][0](open_folder(ROOT))
    # What is refused for good is not tried again.
    assert len(fake.requests) == 1


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))
    with pytest.raises(StorageError, match="no valid Google credentials"):
        open_folder(ROOT).read("a")


@pytest.mark.parametrize("operation", ["read", "copy here"])
def test_damage_on_the_way_here(fake: FakeStorage, operation: str) -> None:
    fake.always = flip_answer
    with pytest.raises(StorageError, match="gs://bucket/data/b: damaged on the way, its checksum differs"):
        OPERATIONS[operation][0](open_folder(ROOT))


def test_damage_on_the_way_there(fake: FakeStorage) -> None:
    fake.faults = [None, None, flip_request]
    with pytest.raises(StorageError, match="gs://bucket/data/new: damaged on the way, its checksum differs"):
        write_large(open_folder(ROOT))
    assert "data/new" not in fake.objects
    fake.faults = [None, flip_request]
    with pytest.raises(StorageError, match=r"gs://bucket/data/small: the storage refused .*CRC32C"):
        open_folder(ROOT).write("small", b"x" * 10_000)
    assert "data/small" not in fake.objects


def test_a_chunk_may_be_taken_in_part(fake: FakeStorage) -> None:
    fake.largest_take = 3 << 20
    write_large(open_folder(ROOT))
    assert contents(fake)["data/new"] == LARGE


def test_a_storage_that_takes_nothing(fake: FakeStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANMILL_STORAGE_TIMEOUT", "0.2")
    fake.largest_take = 0
    with pytest.raises(StorageError, match="nothing of a chunk was taken"):
        write_large(open_folder(ROOT))


@pytest.mark.parametrize("when", ["first", "last"])
def test_a_session_that_is_lost(fake: FakeStorage, when: str) -> None:
    """The content cannot be sent again: it was streamed."""

    def forget(request: Request, serve: Callable[[Request], object]) -> object:
        fake.sessions.clear()
        return serve(request)

    fake.faults = [None, None, *([] if when == "first" else [None]), forget]  # type: ignore[list-item]
    with pytest.raises(
        StorageError, match="gs://bucket/data/new: the storage broke the upload off; run the same command again"
    ):
        write_large(open_folder(ROOT))
    assert "data/new" not in fake.objects


def test_a_stream_is_sent_while_it_is_written(fake: FakeStorage) -> None:
    piece = b"x" * (1 << 20)
    with open_folder(ROOT).create("new") as out:
        for count in range(1, 65):
            out.write(piece)
            arrived = sum(len(session.content) for session in fake.sessions.values())
            assert count * len(piece) - arrived <= CHUNK
        assert "data/new" not in fake.objects
    assert fake.objects["data/new"].content == piece * 64
    assert max(len(request.body) for request in fake.requests) <= CHUNK


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])
def test_sizes_beside_the_limits(fake: FakeStorage, size: int) -> None:
    folder, content = open_folder(ROOT), LARGE[:size] + LARGE[: max(0, size - len(LARGE))]
    folder.write("new", content)
    assert (folder.read("new"), folder.size("new")) == (content, size)
    with folder.open_binary("new") as file:
        assert file.read() == content
    assert fake.requests[1].headers.get("x-upload-content-type", "application/octet-stream") == "application/octet-stream"


@pytest.mark.parametrize("written", [b"", b"little", LARGE], ids=["nothing", "little", "much"])
def test_a_block_that_raises_leaves_nothing(fake: FakeStorage, written: bytes) -> None:
    with pytest.raises(KeyboardInterrupt), open_folder(ROOT).create("new") as out:
        out.write(written)
        raise KeyboardInterrupt
    assert ("data/new" in fake.objects, fake.sessions) == (False, {})
    with pytest.raises(ValueError, match="closed"):
        out.write(b"late")


@pytest.mark.parametrize("old", [None, b"before"], ids=["new", "replaced"])
@pytest.mark.parametrize("content", [b"mine", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("when", ["before the first chunk", "before the end"])
def test_two_writers(fake: FakeStorage, content: bytes, when: str, old: bytes | None) -> None:
    """The same content from both is well; another is not overwritten unnoticed."""
    folder = open_folder(ROOT)

    def race(theirs: bytes) -> None:
        fake.objects.pop("data/new", None)
        if old:
            fake.put("data/new", old)
        with folder.create("new") as out:
            if when == "before the end":
                out.write(content)
            fake.put("data/new", theirs)
            if when == "before the first chunk":
                out.write(content)

    race(content)
    with pytest.raises(StorageError, match="gs://bucket/data/new: another program wrote it at the same time"):
        race(content[:-1] + b"?")
    assert fake.objects["data/new"].content == content[:-1] + b"?"


def test_who_writes_anew_first(fake: FakeStorage) -> None:
    """The other one's object appears after we looked; its content tells nothing, ours and theirs are the same."""

    def overtaken(request: Request, serve: Callable[[Request], object]) -> object:
        fake.put("data/new", b"mine")
        return serve(request)

    fake.faults = [None, overtaken]  # type: ignore[list-item]
    assert not open_folder(ROOT).write_new("new", b"mine")
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: open_folder(ROOT).write_new("race", b"same"), range(8)))
    assert won.count(True) == 1


def test_an_update_that_is_overtaken_is_made_anew(fake: FakeStorage) -> None:
    """A write on top of a file that another process left; also where there was no file before."""
    folder = open_folder(ROOT)
    for name, before in (("a", b"first"), ("new", b"")):
        found = []

        def change(content: bytes, name: str = name, found: list[bytes] = found) -> bytes:
            if not found:
                fake.put(f"data/{name}", content + b" theirs")
            found.append(content)
            return content + b" mine"

        folder.update(name, change)
        assert found == [before, before + b" theirs"]
        assert folder.read(name) == before + b" theirs mine"


def test_a_file_that_changes_while_it_is_read(fake: FakeStorage) -> None:
    folder = open_folder(ROOT)
    before = folder.entry("b")
    with folder.open_binary("b") as file:
        assert file.read(3) == LARGE[:3]
        fake.put("data/b", OTHER)
        file.seek(5_000_000)
        with pytest.raises(StorageError, match="gs://bucket/data/b: changed while it was read; start the command again"):
            file.read(3)
    for read in (folder.read, lambda name, version: folder.read_range(name, 0, 1, version)):
        with pytest.raises(StorageError, match="changed while it was read"):
            read("b", before.version)
    assert folder.read("b", folder.entry("b").version) == OTHER


def test_a_file_that_is_replaced_is_not_removed(fake: FakeStorage) -> None:
    def replaced(request: Request, serve: Callable[[Request], object]) -> object:
        fake.put("data/a", b"new")
        return serve(request)

    fake.faults = [None, replaced]  # type: ignore[list-item]
    open_folder(ROOT).remove("a")
    assert fake.objects["data/a"].content == b"new"


def test_a_listing_of_many_pages(fake: FakeStorage) -> None:
    fake.page = 7
    for number in range(50):
        fake.put(f"data/many/{number:02d}", b"x" * number)
    fake.put("data/many/", b"")
    fake.put("data/", b"")
    folder = open_folder(ROOT)
    assert [(entry.name, entry.size) for entry in folder.entries("many/")] == [(f"many/{n:02d}", n) for n in range(50)]
    assert folder.entries("a")[0].checksum == "crc32c:8a3ea150"
    folder.remove_all("many/")
    assert folder.names() == ["a", "b"]


def test_many_threads_at_once(fake: FakeStorage, caplog: pytest.LogCaptureFixture) -> None:
    folder = open_folder(ROOT)
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(CONNECTIONS) as pool:
        assert set(pool.map(lambda number: folder.read("a"), range(200))) == {b"first"}
    assert not caplog.records


def test_each_storage_has_its_client(fake: FakeStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_storage() as other:
        other.put("data/a", b"elsewhere")
        with monkeypatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", other.url)
            assert open_folder(ROOT).read("a") == b"elsewhere"
        assert open_folder(ROOT).read("a") == b"first"
