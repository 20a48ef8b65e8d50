"""Image files in folders and archives, on disk and on gs://."""

import io
import os
import uuid
import zipfile
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import google_crc32c
import pytest

from gan_core.errors import DataError, StorageError, UnusableInputError
from gan_core.storage import open_folder
from gan_pipeline.sources import cloud_tree, local_tree, zip_tree
from gan_pipeline.sources.open_tree import open_tree
from tests.support.archives import FILES, packed
from tests.support.fake_storage import fake_storage

pytestmark = pytest.mark.quick

LEFT_OUT = {"__MACOSX/A/._1.png": b"", "A/.DS_Store": b"", ".git/x.png": b"", "Thumbs.db": b"", "A/desktop.ini": b""}


def unpacked(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def place(where: str, folder: Path, files: Mapping[str, bytes], request: pytest.FixtureRequest) -> str:
    """Put files where the kind of tree has them and give its URI."""
    if where == "folder":
        return str(unpacked(folder / "images", files))
    if where == "zip":
        (folder / "images.zip").write_bytes(packed(files))
        return str(folder / "images.zip")
    root = f"{request.getfixturevalue('bucket')}/{uuid.uuid4().hex}"
    for name, content in files.items() if where == "gs" else [("images.zip", packed(files))]:
        open_folder(root).write(name, content)
    return root if where == "gs" else f"{root}/images.zip"


WHERE = pytest.mark.parametrize("where", ["folder", "zip", "gs", "gs zip"])


@WHERE
def test_every_kind_of_tree(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    uri = place(where, tmp_path, FILES | LEFT_OUT, request)
    tree = open_tree(uri)
    assert tree.uri == uri
    assert tree.parallel_reads == (16 if uri.startswith("gs://") else 1)
    assert tree.names() == tuple(sorted(FILES))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tree.read, tree.names() * 10)) == [FILES[name] for name in sorted(FILES)] * 10
    checksums = tree.checksums()
    assert tuple(checksums) == tree.names()
    if where == "gs":
        assert checksums == {name: f"crc32c:{google_crc32c.value(content):08x}" for name, content in FILES.items()}
    else:
        assert checksums == {name: f"crc32:{zlib.crc32(content):08x}" for name, content in FILES.items()}
    assert open_tree(uri).signature() == tree.signature()


@WHERE
def test_a_change_is_noticed(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    files = dict(FILES)
    uri = place(where, tmp_path, files, request)
    tree = open_tree(uri)
    folder = open_folder(uri if where in ("folder", "gs") else uri.rpartition("/")[0])
    signatures = [tree.signature()]
    assert tree.checksums() and tree.changed() == []
    for change in ({"B/2.png": b"?" + FILES["B/2.png"][1:]}, {"new.png": b"new"}):
        files |= change
        for name, content in change.items() if where in ("folder", "gs") else [("images.zip", packed(files))]:
            folder.write(name, content)
        signatures.append(tree.signature())
        # A file that is new was not planned.
        assert tree.changed() == ["B/2.png"]
    # Another content of the same size is seen in a folder by `changed` alone: copies elsewhere have other times.
    assert len(set(signatures)) == (2 if where == "folder" else 3)


@WHERE
def test_a_file_may_be_too_large(
    where: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_tree, "MAX_FILE", 5000)
    monkeypatch.setattr(local_tree, "MAX_FILE", 5000)
    monkeypatch.setattr(zip_tree, "MAX_FILE", 5000)
    tree = open_tree(place(where, tmp_path, {"fits": b"x" * 5000, "large": b"x" * 5001}, request))
    assert tree.read("fits") == b"x" * 5000
    with pytest.raises(UnusableInputError, match="too large") as caught:
        tree.read("large")
    assert caught.value.stage == "storage"


@WHERE
def test_a_tree_may_be_empty(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    tree = open_tree(place(where, tmp_path, LEFT_OUT, request))
    assert (tree.names(), tree.checksums()) == ((), {})


def test_nothing_there(tmp_path: Path, bucket: str) -> None:
    for uri in (str(tmp_path / "absent"), str(tmp_path / "absent.zip")):
        with pytest.raises(StorageError, match=f"{uri}: not found; check the path"):
            open_tree(uri)
    for uri in (f"{bucket}/absent", f"{bucket}/absent.zip"):
        with pytest.raises(StorageError, match=f"{uri}: not found, or empty; check the bucket"):
            open_tree(uri).names()
    for uri in ("gs://ganmill-absent", "gs://ganmill-absent/a.zip"):
        with pytest.raises(StorageError, match=f"{uri}: not found; check the bucket"):
            open_tree(uri).names()


def test_what_is_there_counts_and_not_its_name(tmp_path: Path) -> None:
    unpacked(tmp_path / "folder.zip", {"a.png": b"a"})
    (tmp_path / "archive").write_bytes(packed({"b.png": b"b"}))
    assert open_tree(str(tmp_path / "folder.zip")).names() == ("a.png",)
    assert open_tree(f"{tmp_path}/folder.zip/").read("a.png") == b"a"
    assert open_tree(str(tmp_path / "archive")).names() == ("b.png",)


def test_a_bucket_as_a_tree() -> None:
    with fake_storage() as storage, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        storage.put("a.png", b"a")
        storage.put("b/c.png", b"c")
        storage.put("b/", b"")
        for uri in ("gs://bucket", "gs://bucket/"):
            assert open_tree(uri).names() == ("a.png", "b/c.png")
        assert open_tree("gs://bucket/b").names() == ("c.png",)


def test_a_zip_on_gs_is_not_downloaded_whole() -> None:
    with fake_storage() as storage, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        files = {f"{number}.png": os.urandom(1 << 16) for number in range(100)}
        storage.put("a.zip", packed(files))
        tree = open_tree("gs://bucket/a.zip")
        storage.requests.clear()
        assert tree.read("57.png") == files["57.png"]
        assert len(storage.requests) == 1
        start, end = storage.requests[0].headers["range"].removeprefix("bytes=").split("-")
        assert int(end) - int(start) < (1 << 16) + 200
        storage.put("a.zip", packed(dict(reversed(files.items()))))
        with pytest.raises(StorageError, match=r"gs://bucket/a\.zip: changed while it was read; start the command again"):
            tree.read("57.png")


def test_a_local_zip_that_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(packed(FILES))
    tree = open_tree(str(path))
    path.write_bytes(packed(dict(reversed(FILES.items())), zipfile.ZIP_STORED))
    with pytest.raises(StorageError, match="changed while it was read"):
        tree.read("A/1.png")


def test_links(tmp_path: Path) -> None:
    """They are followed wherever they lead, but not in circles; one that leads nowhere is a file that cannot be read."""
    unpacked(tmp_path / "elsewhere", {"b.png": b"b", "deep/c.png": b"c"})
    root = unpacked(tmp_path / "root", {"a.png": b"a", "deep/d.png": b"d"})
    for name, target in {
        "linked": tmp_path / "elsewhere",
        "linked.png": tmp_path / "elsewhere" / "b.png",
        "deep/up": root,
        "self": root / "self",
        "gone.png": tmp_path / "gone.png",
        "device.png": Path("/dev/zero"),
        "twin": root / "deep",
    }.items():
        (root / name).symlink_to(target)
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    os.mkfifo(root / "fifo.png")
    tree = open_tree(str(root))
    there = ("a.png", "deep/d.png", "linked.png", "linked/b.png", "linked/deep/c.png", "twin/d.png")
    assert tree.names() == tuple(sorted((*there, "gone.png", "self")))
    assert [tree.read(name) for name in there] == [b"a", b"d", b"b", b"b", b"c", b"d"]
    for name in ("gone.png", "self"):
        with pytest.raises(UnusableInputError, match="not readable"):
            tree.read(name)
        assert tree.checksums()[name] == "not readable"
    before = tree.signature()
    (tmp_path / "gone.png").write_bytes(b"found again")
    assert tree.signature() != before


def test_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"latin")
    tree = open_tree(str(tmp_path))
    assert tree.read(tree.names()[0]) == b"latin"
    assert tree.signature()


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked(tmp_path, FILES)

    def refuse(path: Path) -> io.BytesIO:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(local_tree, "open_regular", refuse)
    with pytest.raises(UnusableInputError, match=r"not readable \(Permission denied\)"):
        open_tree(str(tmp_path)).read("A/1.png")


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its files would be missed at once, so the command ends."""
    root, scandir = unpacked(tmp_path / "root", FILES), os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StorageError, match="root/A/deep: permission denied"):
        open_tree(str(root)).names()


def test_names_in_a_zip_are_put_straight(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed({"./a.png": b"a", "b//c.png": b"c", "folder/": b""}))
    tree = open_tree(str(tmp_path / "a.zip"))
    assert {name: tree.read(name) for name in tree.names()} == {"a.png": b"a", "b/c.png": b"c"}


@pytest.mark.parametrize("name", ["maps.tar.gz", "maps.tgz", "maps.tar", "notes.txt"])
def test_a_file_that_is_no_archive_we_read(name: str, tmp_path: Path, bucket: str) -> None:
    (tmp_path / name).write_bytes(b"what the name says it is not")
    open_folder(f"{bucket}/refused").write(name, b"what the name says it is not")
    words = "neither a folder nor a .zip" if name == "notes.txt" else "unpack it and give the folder"
    for uri in (f"{tmp_path}/{name}", f"{bucket}/refused/{name}"):
        with pytest.raises(DataError, match=f"{uri}: .*{words}"):
            open_tree(uri)
