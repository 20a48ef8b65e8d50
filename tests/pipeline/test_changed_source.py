"""Source files that are replaced while they are read, and copies of them that only look as if they were."""

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.storage import open_folder
from gan_pipeline.preparing.beam_job import WriteShard
from gan_pipeline.preparing.claim import begin
from gan_pipeline.preparing.planning import make_plan
from gan_pipeline.sources import local_tree
from tests.support.datasets import run_cli, shards, write_files
from tests.support.image_files import encoded, noise, zipped
from tests.support.tfrecords import pixels, records

FILES = {f"{number:02d}.png": encoded(noise(number)) for number in range(40)}
OTHERS = {f"{number:02d}.png": encoded(noise(100 + number)) for number in range(40)}
SMALL = ("--image-size", "8", "--resize", "stretch", "--resampler", "nearest")


def command(source: Path, out: Path, *options: str) -> tuple[str | Path, ...]:
    return ("prepare", "images", "--source", source, "-o", out, *SMALL, *options)


def during_reading(patch: pytest.MonkeyPatch, after: int, change: Callable[[], None]) -> None:
    """Make a change when that many images have been read for their pixels."""
    checksum, calls = local_tree.LocalTree.checksum, [0]

    def counted(tree: local_tree.LocalTree, content: bytes) -> str:
        calls[0] += 1
        if calls[0] == after:
            change()
        return checksum(tree, content)

    patch.setattr(local_tree.LocalTree, "checksum", counted)


def replace(source: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (source / name).write_bytes(content)


def assert_holds(out: Path, files: dict[str, bytes]) -> None:
    stored = records(out)
    assert stored.keys() == files.keys()
    for name, content in files.items():
        with Image.open(io.BytesIO(content)) as image:
            small = np.asarray(image.resize((8, 8), Image.Resampling.NEAREST))
        assert pixels(stored[name], 8, 8, 3).tobytes() == small.tobytes()


def test_files_that_are_replaced_while_they_are_read(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", FILES), tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        during_reading(patch, 7, lambda: replace(source, OTHERS))
        ran = run_cli(*command(source, out))
    assert ran.code == 3
    assert f"{source}: 40 files changed while they were read, such as 00.png; nothing was committed" in ran.err
    assert f"remove {out}, and start the command again" in ran.err
    assert not (out / "manifest.json").exists()
    shutil.rmtree(out)
    assert run_cli(*command(source, out)).code == 0
    assert_holds(out, OTHERS)


def test_a_partner_that_is_replaced_while_pairs_are_read(tmp_path: Path) -> None:
    """Only files of the second folder change; the pairs they belong to are named by their files of the first."""
    both = {f"{folder}/{name}": content for folder in ("A", "B") for name, content in FILES.items()}
    source, out = write_files(tmp_path / "in", both), tmp_path / "out"
    pairs = ("prepare", "pairs", "--source", source, "-o", out, "--image-size", "8")
    with pytest.MonkeyPatch.context() as patch:
        during_reading(patch, 7, lambda: replace(source / "B", OTHERS))
        ran = run_cli(*pairs)
    assert ran.code == 3
    assert "40 files changed while they were read, such as A/00.png; nothing was committed" in ran.err
    shutil.rmtree(out)
    assert run_cli(*pairs).code == 0


def test_files_that_are_back_when_all_is_read(tmp_path: Path) -> None:
    """Size, time and content are what they were, and yet other content was read: the command goes on from there."""
    source, out = write_files(tmp_path / "in", FILES), tmp_path / "out"
    times = {name: (source / name).stat() for name in FILES}

    def restore() -> None:
        replace(source, FILES)
        for name, state in times.items():
            os.utime(source / name, ns=(state.st_atime_ns, state.st_mtime_ns))

    with pytest.MonkeyPatch.context() as patch:
        during_reading(patch, 5, lambda: replace(source, OTHERS))
        during_reading(patch, 11, restore)
        ran = run_cli(*command(source, out))
    assert (ran.code, (out / "manifest.json").exists()) == (3, False), ran.err
    assert "changed while they were read" in ran.err
    ran = run_cli(*command(source, out))
    assert ran.code == 0, ran.err
    assert_holds(out, FILES)


def test_one_file_that_is_not_read_for_its_pixels_counts_too(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", FILES), tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        during_reading(patch, 3, lambda: (source / "gone").write_bytes(b"") and None)
        assert run_cli(*command(source, out, "--limit", "4")).code == 0
    unread = min(FILES.keys() - records(out).keys())
    with pytest.MonkeyPatch.context() as patch:
        during_reading(patch, 3, lambda: (source / unread).unlink())
        ran = run_cli(*command(source, tmp_path / "second", "--limit", "4"))
    assert ran.code == 3
    assert f"1 files changed while they were read, such as {unread}" in ran.err


def test_files_that_are_only_touched(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", FILES), tmp_path / "out"

    def touch() -> None:
        replace(source, FILES)
        for name in FILES:
            os.utime(source / name, (1, 1))

    with pytest.MonkeyPatch.context() as patch:
        during_reading(patch, 7, touch)
        assert run_cli(*command(source, out)).code == 0
    assert_holds(out, FILES)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_worker_that_reads_its_own_copy(kind: str, tmp_path: Path) -> None:
    """Another host's copy has other times; equal bytes are accepted, others are not."""
    from gan_pipeline.preparing.request import options_of

    source = tmp_path / ("in" if kind == "folder" else "in.zip")

    def place(files: dict[str, bytes], time: int) -> None:
        if kind == "folder":
            write_files(source, files)
        else:
            source.write_bytes(zipped(files))
        for path in (source, *(source.iterdir() if kind == "folder" else ())):
            os.utime(path, (time, time))

    place(FILES, 1000)
    plan = make_plan(options_of("images", str(source), None, None, {"shards": 2}, {"image_size": 8}))
    signature, fingerprint = plan.source.signature, plan.source.fingerprint
    place(FILES, 2000)
    for number in ("first", "second", "third"):
        begin(open_folder(tmp_path / number), plan.options, fingerprint)
    for number in ("first", "second"):
        write = WriteShard(plan.spec, signature, str(tmp_path / number), 0.05, None)
        assert [list(write.process(task)) for task in plan.tasks] == [[task.file] for task in plan.tasks]
    assert shards(tmp_path / "first") == shards(tmp_path / "second")
    assert make_plan(plan.options).source.fingerprint == fingerprint
    place({**FILES, "07.png": FILES["07.png"] + b"longer"}, 1000)
    write = WriteShard(plan.spec, signature, str(tmp_path / "third"), 0.05, None)
    with pytest.raises(RuntimeError, match="changed while it was read; start the command again"):
        list(write.process(plan.tasks[0]))


def test_a_zip_that_is_replaced_after_all_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan_pipeline.preparing import prepare

    source, out = tmp_path / "a.zip", tmp_path / "out"
    source.write_bytes(zipped(FILES))
    check = prepare._check_failures

    def replaced(*arguments: object) -> None:
        check(*arguments)  # type: ignore[arg-type]
        source.write_bytes(zipped({**FILES, "03.png": OTHERS["03.png"]}))

    monkeypatch.setattr(prepare, "_check_failures", replaced)
    ran = run_cli(*command(source, out))
    assert ran.code == 3
    assert "1 files changed while they were read, such as 03.png" in ran.err
