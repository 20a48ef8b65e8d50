"""A bucket to which a mirror is uploaded shows at every moment a state that the run folder was allowed to have."""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core.storage import LocalFolder
from gan_core.storage.folder import Entry
from gan_train.runs.mirror import Mirror
from gan_train.runs.upload_queue import Change, UploadQueue
from gan_train.runs.uploader import carry_out

pytestmark = pytest.mark.alone


class Bucket(LocalFolder):
    """Files in memory. While one is on its way, `meanwhile` lets the trainer go on."""

    def __init__(self) -> None:
        super().__init__("/nowhere")
        self.files: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def entries(self, prefix: str = "") -> list[Entry]:
        return [Entry(name, len(content), "", None) for name, content in self.files.items() if name.startswith(prefix)]

    @contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        out = io.BytesIO()
        yield out
        self.meanwhile()
        self.files[name] = out.getvalue()
        self.uploads.append(name)

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(self.files[name])
            yield Path(file.name)

    def remove(self, name: str) -> None:
        self.files.pop(name, None)


class Run:
    """A trainer that does what it is told, and an uploader that does the next step when it is told."""

    def __init__(self, folder: Path, bucket: Bucket) -> None:
        self.bucket, self.queue = bucket, UploadQueue()
        self.folder = folder
        self.mirror = Mirror(bucket, folder, self.queue)
        self.before_upload: Callable[[], None] = lambda: None
        self.writes = 0
        self.rows = 0

    def save(self, step: int) -> None:
        """A checkpoint as checkpoint.py writes it, at times one of a step that was there before."""
        self.discard(step)
        self.writes += 1
        content = b"%d %d" % (self.writes, self.rows)
        for name in ("variables", "state", "COMMIT"):
            self.mirror.write(f"{step}/{name}", content)

    def discard(self, step: int) -> None:
        self.mirror.remove(f"{step}/COMMIT")
        self.mirror.remove_all(f"{step}/")

    def log(self) -> None:
        with open(self.folder / "metrics", "ab") as file:
            file.write(b"x")
        self.rows += 1
        self.mirror.appended("metrics")

    def write(self) -> None:
        self.writes += 1
        self.mirror.write("status", b"%d" % self.writes)

    def upload(self) -> None:
        change = self.queue.current()
        if change:
            self.before_upload()
            carry_out(change, self.queue, self.folder, self.bucket)
            self.queue.done()
            self.check()

    def check(self) -> None:
        """No COMMIT without the files that were committed with it, and without the rows that were logged before it."""
        files = self.bucket.files
        for name, content in files.items():
            if name.endswith("/COMMIT"):
                place = name.removesuffix("COMMIT")
                assert files[f"{place}variables"] == files[f"{place}state"] == content
                assert len(files.get("metrics", b"")) >= int(content.split()[1])


Act = tuple[object, ...]
"""The name of a method of Run, and what it takes."""

STEPS = st.integers(1, 3)
ACTS = st.one_of(
    st.tuples(st.just("save"), STEPS),
    st.tuples(st.just("discard"), STEPS),
    st.sampled_from([("log",), ("write",), ("upload",), ("upload",), ("upload",)]),
)
BUSY = st.lists(ACTS.filter(lambda act: act != ("upload",)), max_size=4)


def do(run: Run, acts: list[Act]) -> None:
    for name, *arguments in acts:
        getattr(run, str(name))(*arguments)


@settings(max_examples=100)
@given(st.lists(st.tuples(ACTS, BUSY, BUSY), max_size=25))
def test_the_bucket_is_whole_at_every_moment_and_complete_at_the_end(acts: list[tuple[Act, list[Act], list[Act]]]) -> None:
    """Whatever the trainer does, also when a file's turn has just come, and while it is on its way."""
    bucket = Bucket()
    with tempfile.TemporaryDirectory() as folder, mock.patch("os.fsync"):
        run = Run(Path(folder), bucket)
        for act, before, meanwhile in acts:
            run.before_upload, bucket.meanwhile = partial(do, run, before), partial(do, run, meanwhile)
            do(run, [act])
            names = {name for name in run.mirror.names() if not name.startswith(".work")}
            assert len(run.queue) <= 2 * len(names | set(bucket.files)) + 2 * 9
        run.before_upload = bucket.meanwhile = lambda: None
        run.mirror.flush()
        while len(run.queue):
            run.upload()
        local = {name: run.mirror.read(name) for name in run.mirror.names()}
    assert bucket.files == local


def test_a_commit_whose_files_were_written_anew_when_its_turn_came_waits_for_them(tmp_path: Path) -> None:
    run = Run(tmp_path, Bucket())
    run.save(1)
    while run.queue.current() != Change("1/COMMIT", removed=False):
        run.upload()
    run.before_upload = partial(run.save, 1)
    run.upload()
    assert "1/COMMIT" not in run.bucket.files
    run.before_upload = lambda: None
    while len(run.queue):
        run.upload()
    assert run.bucket.files["1/COMMIT"] == b"2 0"


def test_what_was_removed_before_its_turn_is_not_uploaded(tmp_path: Path) -> None:
    run = Run(tmp_path, Bucket())
    for step in (1, 2, 3):
        run.save(step)
        run.discard(step - 1)
    while len(run.queue):
        run.upload()
    assert [name for name in run.bucket.uploads if "/" in name] == ["3/variables", "3/state", "3/COMMIT"]


def test_the_newest_content_goes_up_once(tmp_path: Path) -> None:
    run = Run(tmp_path, Bucket())
    for _ in range(100):
        run.log()
        run.write()
    assert len(run.queue) == 2
    while len(run.queue):
        run.upload()
    assert run.bucket.uploads == ["metrics", "status"]
    assert run.bucket.files == {"metrics": b"x" * 100, "status": b"100"}


def test_what_changes_while_it_goes_up_has_another_turn(tmp_path: Path) -> None:
    run = Run(tmp_path, Bucket())
    run.write()
    run.bucket.meanwhile = lambda: run.write() if run.writes < 3 else None
    while len(run.queue):
        run.upload()
    assert (run.bucket.uploads, run.bucket.files) == (["status"] * 3, {"status": b"3"})


def test_a_change_that_failed_is_tried_again_first() -> None:
    queue = UploadQueue()
    queue.put("a")
    queue.put("b")
    assert queue.current() == queue.current() == Change("a", removed=False)
    queue.done()
    assert queue.current() == Change("b", removed=False)
    queue.remove("b")
    assert queue.withdrawn
    queue.done()
    assert (queue.current(), queue.withdrawn) == (Change("b", removed=True), False)


def test_a_new_session_sees_what_is_in_the_bucket_and_downloads_what_it_reads(tmp_path: Path) -> None:
    bucket = Bucket()
    first = Run(tmp_path / "first", bucket)
    for step in (1, 2):
        first.save(step)
    while len(first.queue):
        first.upload()
    second = Run(tmp_path / "second", bucket)
    mirror = second.mirror
    assert mirror.names() == mirror.names("") == sorted(bucket.files)
    assert (mirror.exists("2/COMMIT"), mirror.exists("3/COMMIT"), mirror.size("2/COMMIT")) == (True, False, 3)
    assert not list((tmp_path).glob("second/**/*"))
    assert mirror.read("2/COMMIT") == b"2 0"
    assert mirror.read_range("2/state", 0, 1) == b"2"
    with mirror.open_binary("2/variables") as file, mirror.local_file("2/state") as path:
        assert (file.read(), path.read_bytes()) == (b"2 0", b"2 0")
    assert [entry.name for entry in mirror.entries()] == mirror.names() == sorted(bucket.files)
    assert not mirror.write_new("1/COMMIT", b"other") and mirror.write_new("new", b"n")
    assert (len(second.queue), mirror.uri) == (1, bucket.uri)
    second.discard(1)
    while len(second.queue):
        second.upload()
    assert sorted(bucket.files) == mirror.names() == ["2/COMMIT", "2/state", "2/variables", "new"]
