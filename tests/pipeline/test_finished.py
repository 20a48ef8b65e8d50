"""A folder that already holds something: finished, half-written, or foreign."""

import json
import os
import shutil
from pathlib import Path

import pytest

from gan_core.storage import open_folder
from tests.support.datasets import idx_files, prepare, run_cli, shards, tree, write_files
from tests.support.image_files import encoded, noise, zipped

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


def photographs(folder: Path, count: int = 8) -> Path:
    return write_files(folder, {f"{number}.png": encoded(noise(number)) for number in range(count)})


PHOTOGRAPHS = ("prepare", "images", "--image-size", "8", "--shards", "2")


def test_a_finished_folder_whose_source_changed_is_refused(tmp_path: Path) -> None:
    source, out = photographs(tmp_path / "in"), tmp_path / "out"
    command = (*PHOTOGRAPHS, "--source", source, "-o", out)
    assert run_cli(*command).code == 0
    made = tree(out)
    for path in source.iterdir():
        os.utime(path, (1, 1))
    assert run_cli(*command).out.startswith("already done: 8 examples")
    photographs(source, 9)
    ran = run_cli(*command)
    assert ran.code == 2
    assert f"{out}: is finished with source={source}, whose content has changed since; choose another folder with -o" in ran.err
    assert 'or one named by content ("data-{content}"), or add --retry-failed' in ran.err
    assert tree(out) == made


def test_a_finished_folder_whose_source_is_gone_is_done_and_says_so(tmp_path: Path) -> None:
    source, out = photographs(tmp_path / "in"), tmp_path / "out"
    assert run_cli(*PHOTOGRAPHS, "--source", source, "-o", out).code == 0
    shutil.rmtree(source)
    ran = run_cli(*PHOTOGRAPHS, "--source", source, "-o", out)
    assert (ran.code, ran.out.startswith("already done: 8 examples")) == (0, True)
    assert f"warning: {source}: not there any more, so {out} was not compared with it" in ran.err


def test_a_folder_named_by_content(tmp_path: Path) -> None:
    source, out = photographs(tmp_path / "in"), tmp_path / "data-{content}"
    command = (*PHOTOGRAPHS, "--source", source, "--json", "-o", out)

    def prepared() -> tuple[Path, bool]:
        ran = run_cli(*command)
        assert ran.code == 0, ran.err
        document = json.loads(ran.out)
        return Path(document["folder"]), document["already_done"]

    first, done = prepared()
    assert (first.parent, len(first.name), done) == (tmp_path, len("data-") + 12, False)
    made = tree(first)
    assert prepared() == (first, True)
    photographs(source, 9)
    assert json.loads(run_cli(*command, "--dry-run").out)["folder"] == str(prepared()[0]) != str(first)
    assert tree(first) == made
    photographs(tmp_path / "again")
    elsewhere = run_cli(*PHOTOGRAPHS, "--source", tmp_path / "again", "--json", "-o", out)
    assert json.loads(elsewhere.out) == json.loads(elsewhere.out) | {"folder": str(first), "already_done": True}
    ran = run_cli(*PHOTOGRAPHS, "--source", source, "-o", source / "data-{content}")
    assert (ran.code, "lies in its own source, whose content it would change" in ran.err) == (2, True)


@pytest.mark.parametrize("kind", ["prefix", "object"])
def test_a_bucket_is_compared_by_what_it_knows_of_its_files(bucket: str, tmp_path: Path, kind: str) -> None:
    source = open_folder(f"{bucket}/compared-{kind}")
    files = {f"{number}.png": encoded(noise(number)) for number in range(4)}

    def place(contents: dict[str, bytes]) -> str:
        if kind == "object":
            contents = {"all.zip": zipped(contents)}
        for name, content in contents.items():
            source.write(name, content)
        return f"{source.uri}/all.zip" if kind == "object" else source.uri

    command = (*PHOTOGRAPHS, "--source", place(files), "-o", tmp_path / "out")
    assert run_cli(*command).code == 0
    assert run_cli(*command).out.startswith("already done")
    place(files | {"3.png": encoded(noise(7))})
    ran = run_cli(*command)
    assert (ran.code, "whose content has changed since" in ran.err) == (2, True)
    source.remove_all("")
    ran = run_cli(*command)
    assert (ran.code, "not there any more" in ran.err) == (0, True)


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
