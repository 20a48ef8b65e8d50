"""--retry-failed: a dataset whose broken inputs were mended becomes the dataset of the mended source."""

import shutil
from pathlib import Path

import pytest

from gan_core.errors import UsageError
from gan_core.storage import open_folder
from gan_pipeline.preparing.claim import check_finished
from gan_pipeline.preparing.request import options_of
from tests.support.commands import Ran
from tests.support.datasets import examples, failures, prepare, run_cli, tree, write_files
from tests.support.image_files import BROKEN, photograph
from tests.support.killable import die, finish, steps
from tests.support.strides import EVERY_FOURTH_OR_EACH

GOOD = {f"{number:02d}.jpg": photograph(number) for number in range(16)}
HOLES = {"03.jpg": b"", "09.jpg": GOOD["09.jpg"][:200], "12.jpg": b"<html>"}
OPTIONS = ("--image-size", "8", "--shards", "4", "--max-failure-rate", "0.5")


def stamps(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def retry(folder: Path, *options: str) -> Ran:
    arguments = ("--source", folder / "in", *OPTIONS, *options, "-o", folder / "out", "--retry-failed")
    return run_cli("prepare", "images", *arguments)


def fresh(folder: Path, *options: str) -> dict[str, bytes]:
    """The folder that the source as it is now gives."""
    out = folder / "fresh"
    shutil.rmtree(out, ignore_errors=True)
    prepare(out, *OPTIONS, *options, source=folder / "in", dataset="images")
    return tree(out)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source with three broken files in `in`, and in `out` what it gave."""
    source = write_files(tmp_path / "in", GOOD | HOLES)
    prepare(tmp_path / "out", *OPTIONS, source=source, dataset="images")
    assert {line["id"] for line in failures(tmp_path / "out")} == set(HOLES)
    return tmp_path


def assert_untouched(folder: Path, *options: str, code: int = 0, words: str = "already done") -> None:
    before = stamps(folder / "out"), tree(folder / "out")
    ran = retry(folder, *options)
    assert ran.code == code, ran.err
    assert words in ran.out + ran.err
    assert (stamps(folder / "out"), tree(folder / "out")) == before


def test_nothing_to_retry(folder: Path) -> None:
    assert_untouched(folder)
    # Another broken file in its place is still a broken file.
    (folder / "in" / "03.jpg").write_bytes(b"not a picture either")
    assert_untouched(folder)
    (folder / "in" / "03.jpg").write_bytes(BROKEN["huge.png"][0])
    assert_untouched(folder)


def test_a_dataset_that_drops_nothing_has_nothing_to_retry(tmp_path: Path) -> None:
    prepare(tmp_path / "out", "--limit", "20")
    before = tree(tmp_path / "out")
    ran = run_cli("prepare", "mnist", "--source", "sample", "--limit", "20", "-o", tmp_path / "out", "--retry-failed")
    assert (ran.code, ran.out.startswith("already done")) == (0, True)
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("mended", [["03.jpg"], ["09.jpg", "12.jpg"], sorted(HOLES)])
@pytest.mark.parametrize("limit", [[], ["--limit", "11"], ["--limit", "5"]])
def test_mended_files_make_the_dataset_of_the_mended_source(folder: Path, mended: list[str], limit: list[str]) -> None:
    shutil.rmtree(folder / "out")
    prepare(folder / "out", *OPTIONS, *limit, source=folder / "in", dataset="images")
    dropped = {line["id"] for line in failures(folder / "out")}
    write_files(folder / "in", {name: GOOD[name] for name in mended})
    if not set(mended) <= dropped:
        # The limit was reached without one of them: it was not dropped, and now the source is another.
        assert_untouched(folder, *limit, code=2, words="other inputs than the dropped ones have changed")
        return
    ran = retry(folder, *limit)
    assert (ran.code, ran.out.startswith("done: ")) == (0, True), ran.err
    assert tree(folder / "out") == fresh(folder, *limit)


def test_shards_without_a_mended_file_are_not_written_again(folder: Path) -> None:
    before = stamps(folder / "out")
    write_files(folder / "in", {"03.jpg": GOOD["03.jpg"]})
    assert retry(folder).code == 0
    now = stamps(folder / "out")
    changed = [path for path in now if path.endswith(".tfrecord") and now[path] != before[path]]
    assert len(changed) == 1
    assert "03.jpg" in {example.id for example in examples(folder / "out")}


def test_one_mended_and_one_broken_otherwise(folder: Path) -> None:
    """The log describes an input as it is now, as in a fresh dataset."""
    write_files(folder / "in", {"03.jpg": GOOD["03.jpg"], "09.jpg": b"", "12.jpg": BROKEN["icon.png"][0]})
    assert retry(folder).code == 0
    assert {line["id"]: line["reason"] for line in failures(folder / "out")} == {
        "09.jpg": "empty file",
        "12.jpg": "not an image",
    }
    assert tree(folder / "out") == fresh(folder)


@pytest.mark.parametrize("change", ["another replaced", "one added", "one removed", "a broken one removed"])
def test_other_changes_are_refused(folder: Path, change: str) -> None:
    write_files(folder / "in", {"03.jpg": GOOD["03.jpg"]})
    if change == "another replaced":
        write_files(folder / "in", {"04.jpg": photograph(99)})
    elif change == "one added":
        write_files(folder / "in", {"17.jpg": photograph(17)})
    else:
        (folder / "in" / ("04.jpg" if change == "one removed" else "09.jpg")).unlink()
    assert_untouched(folder, code=2, words=f"{folder / 'out'}: other inputs than the dropped ones have changed since")


def test_a_second_try_does_not_trust_what_a_killed_one_left(folder: Path) -> None:
    """The first try keeps the shard of 09.jpg and dies; then that file is mended too."""
    options = options_of(
        "images", str(folder / "in"), None, None, {"limit": None, "shards": 4, "seed": 0, "encoding": "raw"}, {"image_size": 8}
    )
    write_files(folder / "in", {"03.jpg": GOOD["03.jpg"]})
    shutil.copytree(folder / "out", folder / "rehearsal")
    done = steps(folder / "rehearsal", options, folder / "log", retry_failed=True)
    removal = done.index("os.remove") + 1
    for step in (removal, removal - 1, removal - 4):
        out = Path(shutil.copytree(folder / "out", folder / f"step-{step}"))
        write_files(folder / "in", {"09.jpg": HOLES["09.jpg"]})
        die(out, options, step, retry_failed=True)
        assert list((out / ".work").iterdir())
        write_files(folder / "in", {"09.jpg": GOOD["09.jpg"]})
        finish(out, options, retry_failed=True)
        assert tree(out) == fresh(folder)


@EVERY_FOURTH_OR_EACH
def test_every_step_of_a_retry_is_a_safe_place_to_die(stride: int, folder: Path) -> None:
    options = options_of("images", str(folder / "in"), None, None, {"shards": 4}, {"image_size": 8})
    write_files(folder / "in", {"03.jpg": GOOD["03.jpg"]})
    old, new = tree(folder / "out"), fresh(folder)
    shutil.copytree(folder / "out", folder / "rehearsal")
    done = steps(folder / "rehearsal", options, folder / "log", retry_failed=True)
    assert tree(folder / "rehearsal") == new
    for step in range(1, len(done) + 1, stride):
        out = Path(shutil.copytree(folder / "out", folder / str(step)))
        die(out, options, step, retry_failed=True)
        # Either the old dataset, whole, or none, or the new one: a manifest is always of the shards beside it.
        whole = run_cli("verify", "--deep", out).code == 0
        assert whole == (out / "manifest.json").exists()
        plain, again = out, Path(shutil.copytree(out, folder / f"{step}-again"))
        was_old = whole and (out / "manifest.json").read_bytes() == old["manifest.json"]
        finish(again, options, retry_failed=True)
        assert tree(again) == new, f"after dying before step {step}, {done[step - 1]}"
        if was_old:
            # An input that was dropped has changed: without --retry-failed that is another source.
            with pytest.raises(UsageError, match="or add --retry-failed if only inputs that were dropped have been replaced"):
                check_finished(open_folder(plain), options)
            continue
        finish(plain, options)
        assert tree(plain) == new, f"after dying before step {step}, {done[step - 1]}"
