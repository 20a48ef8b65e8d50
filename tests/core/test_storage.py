"""Folders: the same behaviour on disk and on gs://, whole files or none, and refusals in words."""

import errno
import os
import stat
import subprocess
import sys
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gan_core.errors import StorageError, UnusableInputError, UsageError
from gan_core.storage import Folder, LocalFolder, open_file, open_folder, write_file
from tests.support.datasets import tree

pytestmark = pytest.mark.quick


@pytest.fixture(params=["local", "gs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """A folder that does not exist yet."""
    root = tmp_path if request.param == "local" else request.getfixturevalue("bucket")
    return open_folder(f"{root}/{uuid.uuid4().hex}")


def test_a_folder_keeps_what_is_written(folder: Folder) -> None:
    assert folder.names() == []
    assert not folder.exists("a")
    folder.write("b/c.bin", b"deep")
    folder.write("a", b"first")
    folder.write("a", b"second")
    with folder.create("big") as out:
        out.write(b"x" * 3_000_000)
    assert folder.names() == ["a", "b/c.bin", "big"]
    assert folder.names("b") == ["b/c.bin", "big"]
    assert folder.names("b/") == ["b/c.bin"]
    assert (folder.read("a"), folder.size("big"), folder.exists("b/c.bin")) == (b"second", 3_000_000, True)
    assert not folder.exists("b")
    with folder.local_file("b/c.bin") as path:
        assert path.read_bytes() == b"deep"
    folder.remove("a")
    folder.remove("a")
    folder.remove_all("b/")
    folder.remove_all("b/")
    assert folder.names() == ["big"]
    assert folder.locate("x") == f"{folder.uri}/x"


def test_a_failed_write_leaves_the_old_file(folder: Folder) -> None:
    folder.write("a", b"old")
    with pytest.raises(ZeroDivisionError), folder.create("a") as out:
        out.write(b"half of the n")
        raise ZeroDivisionError
    assert folder.read("a") == b"old"
    assert folder.names() == ["a"]


def test_a_name_appears_only_when_the_block_ends(folder: Folder) -> None:
    with folder.create("a") as out:
        out.write(b"all")
        assert not folder.exists("a")
    assert folder.read("a") == b"all"


def test_what_a_listing_tells(folder: Folder) -> None:
    folder.write("b/c.bin", b"deep")
    folder.write("a", b"first")
    a, deep = folder.entries()
    assert [(entry.name, entry.size) for entry in (a, deep)] == [("a", 5), ("b/c.bin", 4)]
    assert folder.entries("b/") == [deep]
    assert folder.entry("a") == a
    assert a.checksum == ("crc32c:8a3ea150" if folder.uri.startswith("gs://") else None)
    folder.write("a", b"other")
    assert folder.entry("a").version != a.version
    assert folder.entry("b/c.bin") == deep


def test_parts_of_a_file(folder: Folder) -> None:
    content = os.urandom(3_000_000)
    folder.write("a", content)
    version = folder.entry("a").version
    assert folder.read("a", version, limit=3_000_000) == content
    with pytest.raises(UnusableInputError, match="too large"):
        folder.read("a", limit=2_999_999)
    assert folder.read_range("a", 5, 10, version) == content[5:15]
    assert folder.read_range("a", 2_999_990, 100) == content[-10:]
    assert folder.read_range("a", 3_000_000, 10) == folder.read_range("a", 5, 0) == b""
    with folder.open_binary("a") as file:
        assert file.read(2) + file.read(3) == content[:5]
        assert file.seek(-4, os.SEEK_END) == 2_999_996
        assert (file.read(), file.read()) == (content[-4:], b"")
        assert file.seek(1_500_000) == 1_500_000
        assert file.seek(10, os.SEEK_CUR) == 1_500_010
        assert file.read() == content[1_500_010:]
        with pytest.raises(OSError, match=os.strerror(errno.EINVAL) if isinstance(folder, LocalFolder) else "before"):
            file.seek(-3_000_001, os.SEEK_END)


def test_a_zip_is_read_where_it_lies(folder: Folder) -> None:
    with folder.create("a.zip") as out, zipfile.ZipFile(out, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}", f"content {number}" * 1000)
    with folder.open_binary("a.zip") as file, zipfile.ZipFile(file) as archive:
        assert archive.read("57") == b"content 57" * 1000
        assert archive.testzip() is None


def test_the_first_to_write_wins(folder: Folder) -> None:
    assert folder.write_new("b/a", b"first")
    assert not folder.write_new("b/a", b"second")
    assert folder.read("b/a") == b"first"
    folder.remove("b/a")
    assert folder.write_new("b/a", b"third")
    assert folder.names() == ["b/a"]


def test_a_change_is_made_of_what_is_there(folder: Folder) -> None:
    folder.update("log", lambda before: before + b"first ")
    folder.update("log", lambda before: before + b"second ")
    assert folder.read("log") == b"first second "


def test_many_files_are_removed(folder: Folder) -> None:
    for number in range(40):
        folder.write(f"b/{number}", b"")
    folder.write("c", b"")
    folder.remove_all("b/1")
    assert len(folder.names("b/")) == 29
    folder.remove_all("b/")
    assert folder.names() == ["c"]


@pytest.mark.parametrize("action", ["read", "size", "entry", "open_binary", "local_file"])
def test_a_missing_file_is_named(folder: Folder, action: str) -> None:
    folder.write("there", b"")
    with pytest.raises(StorageError, match=f"{folder.uri}/absent: not found"):
        if action == "local_file":
            with folder.local_file("absent"):
                pass
        else:
            getattr(folder, action)("absent")


def test_a_folder_does_not_see_its_neighbour(folder: Folder) -> None:
    open_folder(f"{folder.uri}-2").write("a", b"")
    assert folder.names() == []


def test_a_single_file_by_its_whole_name(folder: Folder) -> None:
    write_file(f"{folder.uri}/deep/a.png", b"picture")
    assert folder.read("deep/a.png") == b"picture"
    place, name = open_file(f"{folder.uri}/deep/a.png")
    assert (place.uri, name) == (f"{folder.uri}/deep", "a.png")


@pytest.mark.parametrize(("path", "place"), [("a.png", "."), ("/a.png", "/"), ("b/a.png", "b")])
def test_the_folder_of_a_local_file(path: str, place: str) -> None:
    folder, name = open_file(path)
    assert (folder.uri, name) == (place, "a.png")


@pytest.mark.parametrize("uri", ["", "out/", "/", "gs://bucket", "gs://bucket/"])
def test_a_name_that_is_no_file(uri: str) -> None:
    with pytest.raises(UsageError, match="names no file"):
        open_file(uri)


def test_a_local_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "out")
    folder.write("a", b"1")
    assert tree(tmp_path / "out") == {"a": b"1"}


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.EOPNOTSUPP, None], ids=["exFAT", "network", "usual"])
def test_one_of_many_writers_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int | None) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(refusal, os.strerror(refusal or 0))

    if refusal:
        monkeypatch.setattr(os, "link", refuse)
    folder = open_folder(tmp_path / "out")
    with ThreadPoolExecutor(1 if refusal else 4) as pool:
        won = list(pool.map(lambda number: folder.write_new("a", b"%d" % number), range(20)))
    assert won.count(True) == 1
    assert tree(tmp_path / "out") == {"a": b"%d" % won.index(True)}


@pytest.mark.parametrize("step", ["fsync", "link", "replace"])
def test_a_writer_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    folder = open_folder(tmp_path / "out")
    monkeypatch.setattr(Path if step == "replace" else os, step, stop)
    with pytest.raises(KeyboardInterrupt):
        folder.write("a", b"content") if step == "replace" else folder.write_new("a", b"content")
    assert tree(tmp_path) == {"out/": b""}


def test_a_full_disk_has_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageError, match="out/a: no space left"):
        open_folder(tmp_path / "out").write_new("a", b"content")
    assert tree(tmp_path) == {"out/": b""}


def test_a_local_file_that_changed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    folder = open_folder(tmp_path)
    version = folder.entry("a").version
    state = (tmp_path / "a").stat()
    os.utime(tmp_path / "a", ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    for read in (folder.read, lambda name, version: folder.read_range(name, 0, 1, version)):
        with pytest.raises(StorageError, match=f"{tmp_path}/a: changed while it was read; start the command again"):
            read("a", version)


def test_a_written_file_has_the_mode_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    folder = open_folder(tmp_path)
    folder.write("a", b"")
    folder.write_new("b", b"")
    assert len({stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "a", "b")}) == 1


def test_writers_do_not_hinder_each_other(tmp_path: Path) -> None:
    """Each removes the work folder when it is empty, which another may just have made."""
    folder = open_folder(tmp_path / "out")

    def write(number: int) -> None:
        for _ in range(100):
            folder.write(str(number), b"x" * number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert tree(tmp_path / "out") == {str(number): b"x" * number for number in range(4)}


def test_processes_that_write_into_one_folder_do_not_hinder_each_other(tmp_path: Path) -> None:
    """Each removes the work folder when it is empty, at the moment at which another is about to write into it."""
    program = (
        "import sys; from gan_core.storage import open_folder\n"
        "for number in range(400): open_folder(sys.argv[1]).write(sys.argv[2], b'%d' % number)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert tree(tmp_path) == dict.fromkeys("abc", b"399")


def test_a_work_folder_that_is_removed_before_the_file_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, create, lost = open_folder(tmp_path / "out"), Path.mkdir, 3

    def remove_at_once(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        nonlocal lost
        create(path, mode, parents, exist_ok)
        if path.name == ".work" and lost:
            lost -= 1
            path.rmdir()

    monkeypatch.setattr(Path, "mkdir", remove_at_once)
    folder.write("a", b"content")
    assert (tree(tmp_path / "out"), lost) == ({"a": b"content"}, 0)


def test_temporary_files_are_removed_only_when_their_process_is_dead(tmp_path: Path) -> None:
    """Files of another machine, or of an earlier version, are removed when they are older than a day."""
    folder = LocalFolder(str(tmp_path))
    killed = (
        "import os, sys; from gan_core.storage import open_folder\n"
        "with open_folder(sys.argv[1]).create('a') as out: out.write(b'half'); out.flush(); os._exit(70)"
    )
    assert subprocess.run([sys.executable, "-c", killed, str(tmp_path)]).returncode == 70
    work = tmp_path / ".work"
    (abandoned,) = (path.name for path in work.iterdir())
    foreign, old = f"ganmill-00000000-{os.getpid()}-0123456789ab.tmp", "0f3c.tmp"
    for name in (foreign, old, "README", f"new-{foreign}"):
        (work / name).write_bytes(b"")
    two_days_ago = (work / old).stat().st_mtime - 2 * 86_400
    for name in (old, "README"):
        os.utime(work / name, (two_days_ago, two_days_ago))
    with folder.create("b") as out:
        out.write(b"whole")
        (own,) = {path.name for path in work.iterdir()} - {abandoned, foreign, old, "README", f"new-{foreign}"}
        folder.remove_abandoned()
        assert {path.name for path in work.iterdir()} == {own, foreign, "README", f"new-{foreign}"}
    assert (tmp_path / "b").read_bytes() == b"whole"
    os.utime(work / foreign, (two_days_ago, two_days_ago))
    folder.remove_abandoned()
    assert {path.name for path in work.iterdir()} == {"README", f"new-{foreign}"}


def test_processes_that_change_one_file_wait_for_each_other(tmp_path: Path) -> None:
    program = (
        "import sys; from gan_core.storage import open_folder\n"
        "for number in range(30): open_folder(sys.argv[1]).update('log', lambda before: before + b'%d\\n' % number)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert sorted((tmp_path / "log").read_text().split(), key=int) == [str(number) for number in range(30) for _ in writers]


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        folder = open_folder(path)
        for act in (lambda folder=folder: folder.write("a", b""), lambda folder=folder: folder.names()):
            with pytest.raises(StorageError, match="there is a file where a folder is needed"):
                act()


def test_a_bucket_that_is_not_there(bucket: str) -> None:
    with pytest.raises(StorageError, match="gs://ganmill-absent/x: not found; check the bucket"):
        open_folder("gs://ganmill-absent/x").names()


@pytest.mark.parametrize(
    ("uri", "kind", "message"),
    [
        ("s3://bucket/x", StorageError, "only local paths and gs://"),
        ("gs://", StorageError, "no bucket named"),
        ("", UsageError, "empty folder name"),
    ],
)
def test_other_addresses_are_refused(uri: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        open_folder(uri)
