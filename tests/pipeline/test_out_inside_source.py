"""-o below --source: what is written there is never taken for input, whatever state it is in."""

import shutil
from pathlib import Path

import pytest

from gan_pipeline.preparing.request import options_of
from tests.support.datasets import failures, prepare, run_cli, tree, write_files
from tests.support.image_files import photograph
from tests.support.killable import die, finish, steps
from tests.support.strides import EVERY_FOURTH_OR_EACH

FILES = {f"{title}/{number}.png": photograph(number) for title in ("cat", "dog") for number in range(4)}
OPTIONS = ("--image-size", "8", "--shards", "2", "--max-failure-rate", "0.5")


def inside(source: Path, *options: str) -> tuple[int, str]:
    """Prepare into sets/small below the source; the exit code, and what was written to stderr."""
    arguments = ("--source", source, *OPTIONS, *options, "-o", source / "sets" / "small")
    ran = run_cli("prepare", "images", *arguments)
    return ran.code, ran.err


def outside(folder: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """The dataset of these files in the folder `in`, written elsewhere."""
    shutil.rmtree(folder / "in", ignore_errors=True)
    prepare(folder / "reference", *OPTIONS, source=write_files(folder / "in", files), dataset="images")
    return tree(folder / "reference")


@EVERY_FOURTH_OR_EACH
def test_every_step_is_a_safe_place_to_die(stride: int, tmp_path: Path) -> None:
    expected = outside(tmp_path, FILES)
    source, out = tmp_path / "in", tmp_path / "in" / "sets" / "small"
    options = options_of("images", str(source), None, None, {"shards": 2}, {"image_size": 8})
    done = steps(out, options, tmp_path / "log")
    assert tree(out) == expected
    for step in range(1, len(done) + 1, stride):
        shutil.rmtree(source / "sets")
        die(out, options, step)
        finish(out, options)
        assert tree(out) == expected, f"after dying before step {step}, {done[step - 1]}"


@pytest.mark.parametrize("linked", [False, True])
def test_retry_failed(tmp_path: Path, linked: bool) -> None:
    expected = outside(tmp_path, FILES)
    source = tmp_path / "in"
    write_files(source, {"cat/2.png": b""})
    if linked:
        # A second way to the same folder, which is there already.
        (source / "sets" / "small").mkdir(parents=True)
        (source / "dog" / "sets").symlink_to(source / "sets")
    assert inside(source)[0] == 0
    assert [line["id"] for line in failures(source / "sets" / "small")] == ["cat/2.png"]
    write_files(source, {"cat/2.png": FILES["cat/2.png"]})
    code, err = inside(source, "--retry-failed")
    assert code == 0, err
    assert tree(source / "sets" / "small") == expected


def test_the_folder_is_no_empty_class_though_it_exists(tmp_path: Path) -> None:
    expected = outside(tmp_path, FILES)
    out = tmp_path / "in" / "sets" / "small"
    out.mkdir(parents=True)
    code, err = inside(tmp_path / "in")
    assert (code, "sets" in err.replace(str(out), "")) == (0, False), err
    assert tree(out) == expected
