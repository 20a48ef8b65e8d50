"""A folder that already holds something: finished, half-written, or foreign."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.datasets import idx_files, prepare, run_cli, shards, tree, write_files

SAME = ("prepare", "mnist", "--source", "sample", "--limit", "400", "-o")


def stamps(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def test_the_same_command_does_nothing(digits: Path) -> None:
    before = stamps(digits), tree(digits)
    ran = run_cli(*SAME, digits)
    assert ran.code == 0
    assert ran.out.startswith("already done: 400 examples")
    assert (stamps(digits), tree(digits)) == before


def test_other_ways_to_work_are_the_same_command(digits: Path) -> None:
    before = stamps(digits)
    for options in (["--workers", "2"], ["--json"], ["--runner", "Nope"]):
        assert run_cli(*SAME, digits, *options).code == 0
    assert stamps(digits) == before


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """60 digits in the state between the last shard and the manifest."""
    source = write_files(tmp_path / "source", idx_files())
    # A folder where the preview should go stops the run after its shards and before its manifest.
    (tmp_path / "half" / "preview.png").mkdir(parents=True)
    ran = run_cli("prepare", "mnist", "--source", source, "-o", tmp_path / "half")
    assert (ran.code, "there is a folder where a file is needed" in ran.err) == (5, True), ran.err
    (tmp_path / "half" / "preview.png").rmdir()
    assert len(shards(tmp_path / "half")) == 8
    return tmp_path / "half"


DIFFERENCES = [
    (["--seed", "7"], "seed=0", "seed=7"),
    (["--limit", "20"], "limit=None", "limit=20"),
    (["--hold-out", "20"], "hold_out=None", "hold_out=20"),
    (["--classes", "3,8"], "classes=None", "classes=3,8"),
    (["--shards", "2"], "shards=None", "shards=2"),
    (["--encoding", "png"], "encoding=raw", "encoding=png"),
]


@pytest.mark.parametrize(("options", "before", "now"), DIFFERENCES)
@pytest.mark.parametrize("state", ["is finished", "was left half-written"])
def test_other_options_are_refused(half: Path, state: str, options: list[str], before: str, now: str) -> None:
    source = half.parent / "source"
    if state == "is finished":
        prepare(half, source=source)
    content = tree(half)
    ran = run_cli("prepare", "mnist", "--source", source, "-o", half, *options)
    assert ran.code == 2
    assert f"{half}: {state} with {before}, now asked for {now}" in ran.err
    assert tree(half) == content


def test_another_dataset_or_split_is_refused(half: Path) -> None:
    source = write_files(half.parent / "source", idx_files(20, prefix="t10k"))
    ran = run_cli("prepare", "fashion_mnist", "--source", source, "-o", half)
    assert (ran.code, "dataset=mnist, now asked for dataset=fashion_mnist" in ran.err) == (2, True)
    # The splits stand in the dataset's own order, whatever was typed.
    ran = run_cli("prepare", "mnist", "--split", "test,train", "--source", source, "-o", half)
    assert (ran.code, "splits=train, now asked for splits=train,test" in ran.err) == (2, True)


@pytest.mark.parametrize("finished", [True, False])
def test_only_the_content_of_the_source_counts(half: Path, tmp_path: Path, finished: bool) -> None:
    if finished:
        prepare(half, source=half.parent / "source")
    packed = write_files(tmp_path / "elsewhere", idx_files(packed=True))
    ran = run_cli("prepare", "mnist", "--source", packed, "-o", half)
    assert (ran.code, ran.out.startswith("already done")) == (0, finished), ran.err
    other = write_files(tmp_path / "other", idx_files(59))
    ran = run_cli("prepare", "mnist", "--source", other, "-o", half)
    assert ran.code == 2
    assert f"now asked for source={other}" in ran.err


def test_a_source_that_changed_meanwhile_is_refused(half: Path) -> None:
    source = write_files(half.parent / "source", idx_files(59))
    ran = run_cli("prepare", "mnist", "--source", source, "-o", half)
    assert ran.code == 2
    assert f"with source={source}, whose content has changed since" in ran.err


def test_a_half_written_folder_is_finished_and_its_good_shards_kept(half: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "whole", source=half.parent / "source")
    kept = stamps(half)
    (half / "train-00000-of-00008.tfrecord").unlink()
    (half / "train-00001-of-00008.tfrecord").write_bytes(b"damaged meanwhile")
    (half / ".work" / "train-00002-of-00008.tfrecord.json").unlink()
    (half / ".work" / "train-00003-of-00008.tfrecord.json").write_bytes(b'{"file": "cut')
    prepare(half, source=half.parent / "source")
    assert tree(half) == tree(tmp_path / "whole")
    now = stamps(half)
    same = [path for path in kept if path.endswith(".tfrecord") and now[path] == kept[path]]
    assert len(same) == 4


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path / "home", {"thesis.txt": b"years of work"})
    ran = run_cli(*SAME, tmp_path / "home")
    assert ran.code == 2
    assert f"{tmp_path / 'home'}: holds other files (thesis.txt)" in ran.err
    assert tree(tmp_path / "home") == {"thesis.txt": b"years of work"}


def test_a_claim_nobody_can_read_is_named(half: Path) -> None:
    for content in (b"", b"[]", b'{"options": {}, "fingerprint": ""}'):
        (half / ".work" / "plan.json").write_bytes(content)
        ran = run_cli("prepare", "mnist", "--source", half.parent / "source", "-o", half)
        assert (ran.code, f"{half}/.work/plan.json: damaged (" in ran.err) == (3, True)


def test_a_finished_folder_with_a_broken_manifest_is_not_touched(digits: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(digits, tmp_path / "copy"))
    document = json.loads((folder / "manifest.json").read_text()) | {"schema_version": 1}
    (folder / "manifest.json").write_text(json.dumps(document))
    before = tree(folder)
    ran = run_cli(*SAME, folder)
    assert (ran.code, "schema 1, this version reads schema 2" in ran.err) == (3, True)
    assert tree(folder) == before


def test_left_overs_of_a_kill_after_the_manifest_are_removed(digits: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(digits, tmp_path / "copy"))
    write_files(folder / ".work", {"train-00000-of-00008.tfrecord.json": b"{}", "0f.tmp": b"half"})
    assert run_cli(*SAME, folder).code == 0
    assert tree(folder) == tree(digits)
