"""Sources that are no images: links without end, the kernel's own files, pipes, sockets and devices. None of them hangs."""

import os
import socket
from pathlib import Path

import pytest

from gan_core.errors import StorageError
from gan_core.storage import open_folder
from gan_pipeline.sources.open_tree import open_tree
from tests.support.datasets import run_cli, sample_arrays, write_files
from tests.support.image_files import encoded

pytestmark = pytest.mark.quick


def png(number: int = 0) -> bytes:
    return encoded(sample_arrays()[0][number], "PNG")


def test_links_that_fan_out_end_in_words(tmp_path: Path) -> None:
    """Thirty folders, each with links to all others, make more paths than there are atoms."""
    source = tmp_path / "in"
    write_files(source, {f"{number}/a.png": png(number) for number in range(30)})
    for number in range(30):
        for other in range(30):
            (source / str(number) / f"to {other}").symlink_to(f"../{other}")
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out")
    assert (ran.code, f"{source}/" in ran.err, "links lead to this folder by more than 100 ways" in ran.err) == (3, True, True)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_two_links_lead_to_is_there_twice(tmp_path: Path) -> None:
    write_files(tmp_path, {"all/cat/1.png": png(1), "all/cat/2.png": png(2)})
    for split in ("train", "test"):
        (tmp_path / "in" / split).mkdir(parents=True)
        (tmp_path / "in" / split / "cat").symlink_to(tmp_path / "all" / "cat")
    names = open_tree(str(tmp_path / "in")).names()
    assert names == ("test/cat/1.png", "test/cat/2.png", "train/cat/1.png", "train/cat/2.png")


@pytest.mark.parametrize("source", ["/proc", "/proc/self", "/sys"])
def test_the_kernels_own_files_are_refused(tmp_path: Path, source: str) -> None:
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out")
    assert (ran.code, "what the system shows of itself, and no images" in ran.err) == (3, True)


def test_special_files_in_a_folder_are_left_out(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"real.png": png()})
    os.mkfifo(source / "pipe.png")
    for name, target in {"zero.png": "/dev/zero", "me": "/proc/self"}.items():
        (source / name).symlink_to(target)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "socket.png"))
        assert open_tree(str(source)).names() == ("real.png",)


@pytest.mark.parametrize(("kind", "name"), [("images", "pipe"), ("images", "pipe.zip"), ("images", "/dev/zero")])
def test_a_special_file_as_the_source_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    source = tmp_path / name
    if not source.exists():
        os.mkfifo(source)
    ran = run_cli("prepare", kind, "--source", source, "-o", tmp_path / "out")
    assert (ran.code, "a pipe, socket or device; give a folder or an archive" in ran.err) == (5, True)


def test_a_pipe_in_place_of_a_stored_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    folder = open_folder(tmp_path)
    for read in (folder.read, folder.open_binary, lambda name: folder.read_range(name, 0, 4)):
        with pytest.raises(StorageError, match=r"manifest\.json: a pipe, socket or device, not a file"):
            read("manifest.json")
