"""`prepare` tells what it understood of a source before it writes anything, and warns of what is seldom meant."""

import json
from pathlib import Path

import pytest

from tests.support.datasets import idx_files, run_cli, write_files
from tests.support.image_files import encoded, noise, photograph, zipped
from tests.support.plain_records import prepared, refused, understood

SMALL = ("--image-size", "8")
IMAGE = encoded(noise(1, 8, 8))


def folder(path: Path, *names: str) -> Path:
    return write_files(path, dict.fromkeys(names, IMAGE))


MIXED = {
    **{f"train/cats/{n}.jpg": photograph(n, 20, 30) for n in range(3)},
    "train/dogs/1.png": encoded(noise(1, 8, 8)[..., 0]),
    "train/dogs/2.png": IMAGE,
    "val/cats/1.png": IMAGE,
    "train/cats/readme.txt": b"x",
    "train/notes.TXT": b"x",
    "train/dogs/LICENSE": b"x",
    "labels.csv": b"x",
}
UNDERSTOOD = {
    "splits": {
        "train": {"inputs": 5, "written": True, "folders": ["train"], "classes": {"cats": 3, "dogs": 2}},
        "validation": {"inputs": 1, "written": False, "folders": ["val"], "classes": {"cats": 1}},
    },
    "labels": "folders",
    "headers": {
        **{"read": 5, "of": 5, "sizes": {"30x20": 3, "8x8": 2}, "modes": {"RGB": 4, "L": 1}, "unreadable": 0},
    },
    "left_out": {".txt": 2, ".csv": 1, "no ending": 1},
    "tables_unused": ["labels.csv"],
    "warnings": ["class dogs is in split train only"],
}
LINES = """\
understood: split train (folder train): 5 inputs in 2 classes: cats (3), dogs (2)
understood: split validation (folder val): 1 inputs, found but not asked for; add it to --split
understood: labels: folders
understood: images: 30x20 (3), 8x8 (2); channels RGB (4), L (1) (headers of all 5 read)
understood: left out: .txt (2), .csv (1), no ending (1)
understood: not used: labels.csv; --labels names a file of labels
"""
WARNING = "warning: class dogs is in split train only\n"


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_everything_is_told_by_every_command_and_written_down(tmp_path: Path, packed: bool) -> None:
    source = write_files(tmp_path / "in", MIXED)
    if packed:
        source = write_files(tmp_path, {"in.zip": zipped(MIXED)}) / "in.zip"
    known = understood("images", source)
    assert {key: known[key] for key in UNDERSTOOD} == UNDERSTOOD
    plan = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", "--dry-run")
    assert (plan.out.startswith(LINES), WARNING in plan.out, plan.err) == (True, True, "")
    # The folder cannot be written: all is printed before that.
    write_files(tmp_path, {"blocked": b""})
    blocked = run_cli("prepare", "images", "--source", source, *SMALL, "-o", tmp_path / "blocked" / "out")
    assert (blocked.code, blocked.err.startswith(LINES), WARNING in blocked.err) == (5, True, True)
    dataset = run_cli("prepare", "images", "--source", source, *SMALL, "-o", tmp_path / "out", "--json")
    assert dataset.err.startswith(LINES)
    assert json.loads(dataset.out)["understood"] == known
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["understood"] == known
    shown = run_cli("inspect", tmp_path / "out")
    assert LINES + WARNING in shown.out
    assert json.loads(run_cli("inspect", tmp_path / "out", "--json").out)["understood"] == known
    done = json.loads(run_cli("prepare", "images", "--source", source, *SMALL, "-o", tmp_path / "out", "--json").out)
    assert (done["already_done"], done["understood"]) == (True, known)


def test_headers_of_some_are_read_of_many(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {f"{n:03d}.png": encoded(noise(n, 8, 8 + n // 100)) for n in range(150)})
    (source / "000.png").write_bytes(b"no image")
    headers = understood("images", source)["headers"]
    assert (headers["read"], headers["of"], headers["unreadable"]) == (64, 150, 1)
    assert headers["sizes"].keys() == {"8x8", "9x8"}
    ran = run_cli("prepare", "images", "--source", source, "-o", "x", "--dry-run")
    assert "channels RGB (63), 1 without the header of an image (headers of 64 of 150 read)" in ran.out


def test_digits_are_told_too(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", idx_files(20) | idx_files(3, prefix="t10k"))
    ran = run_cli("prepare", "mnist", "--source", source, "-o", tmp_path / "out")
    assert "understood: split train: 20 inputs in 10 classes: 0 (" in ran.err
    assert "understood: split test: found but not asked for; add it to --split\n" in ran.err
    assert (
        "understood: labels: the dataset\nunderstood: images: 28x28 (20); channels L (20) (headers of all 20 read)" in ran.err
    )


WARNINGS = {
    "numbers of equal width": (
        [f"{n:02d}/1.png" for n in range(7)],
        "classes 00, 01, 02, 03, 04 and 2 more are numbers of equal width, like shard folders; if so, give --labels none",
    ),
    "a class named like a split": (
        ["train/cats/1.png", "train/Test/2.png"],
        "class Test has the name of a split; check the folders",
    ),
    "names that differ in case": (
        ["cat/1.png", "Cat/2.png", "dog/3.png"],
        "classes 'Cat' and 'cat' differ only in case or in how their letters are encoded; rename one if they are the same",
    ),
    "names that differ in encoding": (
        ["caf\u00e9/1.png", "cafe\u0301/2.png"],
        r"classes 'cafe\u0301' and 'caf\xe9' differ only in case or in how their letters are encoded; rename one if they",
    ),
    "a class in one split only": (
        ["train/cats/1.png", "train/dogs/2.png", "test/cats/3.png", "test/eels/4.png"],
        "class dogs is in split train only; class eels is in split test only",
    ),
    "a class without images": (["cats/1.png", "dogs/2.png", "eels/notes.txt"], "class eels has no image"),
    "folder levels": (
        ["cats/2020/jan/1.png", "dogs/2.png"],
        "more than one folder level below the classes was ignored, such as 2020/jan",
    ),
    "test images in train": (
        ["cats/train/1.png", "cats/test/2.png", "dogs/train/3.png", "dogs/test/4.png", "dogs/test/5.png"],
        "3 images below test would land in split train; move test up, beside a folder train, or remove it from --source",
    ),
}


@pytest.mark.parametrize("case", WARNINGS)
def test_what_is_seldom_meant_is_warned_of_and_strictly_refused(tmp_path: Path, case: str) -> None:
    names, words = WARNINGS[case]
    source = folder(tmp_path / "in", *names)
    ran = run_cli("prepare", "images", "--source", source, *SMALL, "-o", tmp_path / "out")
    assert ran.code == 0, ran.err
    for part in words.split("; class "):
        assert f"warning: {'' if part in words[: len(part)] else 'class '}{part}" in ran.err
    assert words in "; ".join(json.loads((tmp_path / "out" / "manifest.json").read_text())["understood"]["warnings"])
    message = refused(tmp_path / "strict", "images", source, "--strict")
    assert f"error: {source}: --strict, and " in message
    assert words in message
    again = run_cli("prepare", "images", "--source", source, *SMALL, "-o", tmp_path / "out", "--strict")
    assert (again.code, words in again.err) == (3, True)
    dry = run_cli("prepare", "images", "--source", source, "-o", "x", "--dry-run", "--strict")
    assert (dry.code, words in dry.err, "would write" in dry.out) == (3, True, True)


def test_a_name_cannot_colour_or_break_a_line(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "a\x1b[31m\u2028b/1.png", "dogs/2.png", "A\x1b[31m\u2028b/3.png")
    ran = run_cli("prepare", "images", "--source", source, "-o", "x", "--dry-run")
    assert r"in 3 classes: A\x1b[31m\u2028b (1), a\x1b[31m\u2028b (1), dogs (1)" in ran.out
    assert "\x1b" not in ran.out + ran.err


def test_an_empty_class_folder_is_a_class_without_images(tmp_path: Path) -> None:
    source = folder(tmp_path / "in", "train/cats/1.png", "train/dogs/2.png", "test/cats/3.png")
    (source / "train" / "eels").mkdir()
    assert "class eels has no image" in understood("images", source)["warnings"]


def test_a_class_of_digits_without_images(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", idx_files(1))
    assert understood("mnist", source)["warnings"] == ["class 0, 1, 2, 3, 4 and 4 more has no image"]
    assert "class 0, 1, 2, 3, 4 and 4 more has no image" in refused(tmp_path / "out", "mnist", source, "--strict")


def test_what_is_usual_is_no_warning(tmp_path: Path) -> None:
    """Ten folders of digits, and what was message in so many words."""
    digits = folder(tmp_path / "digits", *(f"{part}/{n}/1.png" for n in range(10) for part in ("train", "test")))
    assert prepared(tmp_path / "out", "images", digits, *SMALL, "--strict").class_names == list("0123456789")
    numbers = folder(tmp_path / "numbers", "007/1.png", "042/2.png")
    assert prepared(tmp_path / "known", "images", numbers, *SMALL, "--strict", "--labels", "folders").class_names == [
        "007",
        "042",
    ]
    assert prepared(tmp_path / "none", "images", numbers, *SMALL, "--strict", "--labels", "none").class_names == []
    assert (
        prepared(tmp_path / "digits-2", "mnist", "sample", "--limit", "20", "--strict").manifest["understood"]["warnings"] == []
    )
