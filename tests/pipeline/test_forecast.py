"""`prepare --forecast`: from a sample that leaves nothing behind, near to what the preparation then makes."""

import json
from pathlib import Path

import pytest

from gan_pipeline.cli.commands import main
from tests.support.commands import Ran, run_inside


def prepare(out: Path, *options: str) -> Ran:
    return run_inside(main, "prepare", "mnist", "--source", "sample", "--limit", "2000", "-o", out, *options)


def test_examples_bytes_and_cost(tmp_path: Path) -> None:
    out = tmp_path / "data"
    ran = prepare(out, "--encoding", "png", "--forecast", "--price-per-hour", "3", "--json")
    found = json.loads(ran.out)
    assert ran.code == 0 and list(tmp_path.iterdir()) == []
    assert found["examples"] == 2000 and 20 <= found["sampled"] <= 2000 and found["workers"] == 1
    assert found["cost"] == pytest.approx(3 * found["hours"], rel=1e-3)
    # The rest is the start: reading of the first inputs.
    assert found["hours"] * 3600 >= 2000 / found["images_per_second"] * 0.999
    assert prepare(out, "--encoding", "png").code == 0
    written = sum(path.stat().st_size for path in out.glob("*.tfrecord"))
    assert found["bytes"] == pytest.approx(written, rel=0.02)


def test_unusable_images_are_not_counted(tmp_path: Path) -> None:
    from PIL import Image

    source = tmp_path / "photos"
    source.mkdir()
    for number in range(20):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(source / f"{number}.png")
        (source / f"{number}-broken.png").write_bytes(b"broken")
    command = ("prepare", "images", "--source", source, "-o", tmp_path / "data", "--forecast", "--json")
    ran = run_inside(main, *command)
    assert ran.code == 0 and json.loads(ran.out)["examples"] == 20
    for path in source.glob("*[0-9].png"):
        path.unlink()
    ran = run_inside(main, *command)
    assert ran.code == 3 and "sampled images can be used" in ran.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--price-per-hour", "2"), "--price-per-hour belongs to --forecast"),
        (("--forecast", "--dry-run"), "leave out --dry-run and --runner"),
        (("--forecast", "--runner", "DaskRunner"), "leave out --dry-run and --runner"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    ran = prepare(tmp_path / "data", *options)
    assert ran.code == 2 and words in ran.err
