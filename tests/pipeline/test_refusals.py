"""A storage that refuses: one line, the right exit code, and nothing lost."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.datasets import idx_files, prepare, run_child, run_cli, tree, write_files


def files_at_most(size: int) -> Callable[[], None]:
    """For a child: no file may grow beyond `size` bytes. Python ignores the signal and sees an error like a full disk's."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_space_for_a_shard(tmp_path: Path, workers: str) -> None:
    source, out = write_files(tmp_path / "in", idx_files(101)), tmp_path / "out"
    # Unpacked, the images take 79,200 bytes and fit; a shard of all of them takes 87,000 and does not.
    arguments = ("prepare", "mnist", "--source", source, "--shards", "1", "-o", out, "--workers", workers)
    ran = run_child(*arguments, before=files_at_most(80_000))
    assert ran.code == 5
    assert "no space left; free some (what is committed is kept) and run the same command again" in ran.err
    assert f"{out}/train-00000-of-00001.tfrecord" in ran.err
    assert "Traceback" not in ran.err
    assert not list(out.glob("*.tfrecord"))
    assert not list(out.rglob("*.tmp"))
    assert run_cli(*arguments).code == 0
    prepare(tmp_path / "whole", "--shards", "1", source=source)
    assert tree(out) == tree(tmp_path / "whole")


def test_no_space_to_unpack(tmp_path: Path) -> None:
    ran = run_child("prepare", "mnist", "--source", "sample", "-o", tmp_path / "out", before=files_at_most(80_000))
    assert ran.code == 5
    assert "t10k-images-idx3-ubyte.gz: could not be unpacked into" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        ran = run_cli("prepare", "mnist", "--source", "sample", "--limit", "9", "-o", out)
        assert ran.code == 5
        assert "there is a file where a folder is needed" in ran.err
        assert str(tmp_path / "file") in ran.err
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_a_place_where_nobody_may_write() -> None:
    # Even root cannot make a folder here.
    ran = run_cli("prepare", "mnist", "--source", "sample", "--limit", "9", "-o", "/sys/ganmill")
    assert ran.code == 5
    assert "/sys/ganmill" in ran.err
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert ran.err.count("error") == 1


@pytest.mark.parametrize("uri", ["s3://bucket/digits", "gs://"])
def test_a_storage_nobody_knows(uri: str) -> None:
    for arguments in (("prepare", "mnist", "--source", "sample", "-o", uri), ("verify", uri), ("inspect", uri)):
        assert run_cli(*arguments).code == 5
