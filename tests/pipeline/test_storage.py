"""Folders: the same behaviour on disk and on gs://, whole files or none, and refusals in words."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gan_pipeline.errors import StorageError, UsageError
from gan_pipeline.storage import Folder, open_folder
from tests.pipeline.helpers import tree


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


@pytest.mark.parametrize("action", ["read", "size", "local_file"])
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


def test_a_local_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "out")
    folder.write("a", b"1")
    assert tree(tmp_path / "out") == {"a": b"1"}


def test_writers_do_not_hinder_each_other(tmp_path: Path) -> None:
    """Each removes the work folder when it is empty, which another may just have made."""
    folder = open_folder(tmp_path / "out")

    def write(number: int) -> None:
        for _ in range(100):
            folder.write(str(number), b"x" * number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert tree(tmp_path / "out") == {str(number): b"x" * number for number in range(4)}


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        folder = open_folder(path)
        for act in (lambda folder=folder: folder.write("a", b""), lambda folder=folder: folder.names()):
            with pytest.raises(StorageError, match="a file stands where a folder is needed"):
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
