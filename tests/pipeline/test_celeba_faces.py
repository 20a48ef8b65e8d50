"""CelebA through the detector: the crop, the audit, what has no face, and limits that count faces."""

import base64
import io
import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from playwright.sync_api import Browser

from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from tests.support.browser import opened, runs_no_script
from tests.support.celeba_files import POINTS, text_table
from tests.support.datasets import examples, failures, images_of, prepare, run_cli, tree, write_files
from tests.support.image_files import encoded, photograph

ASTRONAUT = Path(__file__).parents[1] / "data" / "faces" / "astronaut.png"
LOOSE = ("--max-failure-rate", "0.6", "--shards", "2")


@cache
def photographs() -> dict[str, bytes]:
    """Five views of one face, and two pictures of none."""
    whole = Image.open(ASTRONAUT).convert("RGB")
    files = {}
    for number in range(5):
        left, top = 46 + 10 * number, 5 * number
        view = whole.crop((left, top, left + 356, top + 436)).resize((178, 218))
        files[f"{number}.jpg"] = encoded(np.asarray(ImageOps.mirror(view) if number % 2 else view), "JPEG", quality=95)
    for number in (5, 6):
        slope = Image.linear_gradient("L").rotate(90 * number).resize((178, 218)).convert("RGB")
        files[f"{number}.jpg"] = encoded(np.asarray(slope), "JPEG", quality=95)
    return files


FACES = {f"{number}.jpg" for number in range(5)}


def pixels_of(name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(photographs()[name])))


def face_lines(out: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "faces.jsonl").read_text().splitlines()]
    by_id = {line["id"]: line for line in lines}
    assert len(by_id) == len(lines)
    return by_id


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source in `in/photographs`, dataset in `out`."""
    folder = tmp_path_factory.mktemp("faces")
    source = write_files(folder / "in" / "photographs", photographs())
    prepare(folder / "out", *LOOSE, source=source, dataset="celeba")
    return folder


def test_the_audit_tells_of_every_photograph(made: Path) -> None:
    lines = face_lines(made / "out")
    assert set(lines) == set(photographs())
    assert {name for name, line in lines.items() if line["found"]} == FACES == set(images_of(made / "out"))
    for number in range(5):
        line = lines[f"{number}.jpg"]
        assert line["rule"] == "exact"
        assert 0.9 < line["confidence"] <= 1
        # The face is where it was put: its middle at (223, 115) of the whole picture.
        x, y = (223 - 46 - 10 * number) / 2, (115 - 5 * number) / 2
        left, top, width, height = line["box"]
        assert (left + width / 2, top + height / 2) == pytest.approx((178 - x if number % 2 else x, y), abs=6)
        assert all(left < px < left + width and top < py < top + height for px, py in line["landmarks"])


def test_what_has_no_face_is_dropped_and_logged(made: Path) -> None:
    assert {line["id"]: (line["stage"], line["reason"]) for line in failures(made / "out")} == {
        "5.jpg": ("face", "no face"),
        "6.jpg": ("face", "no face"),
    }
    counts = read_manifest(open_folder(made / "out")).counts
    assert (counts.read, counts.kept, counts.dropped) == (7, 5, {"no face": 2})
    ran = run_cli("prepare", "celeba", "--source", made / "in" / "photographs", "-o", made / "strict")
    assert (ran.code, "2 of 7 inputs are unusable" in ran.err, "(2 no face;" in ran.err) == (3, True, True)


def test_an_exact_box_is_stretched(made: Path) -> None:
    lines = face_lines(made / "out")
    for name, image in images_of(made / "out").items():
        x, y, width, height = lines[name]["box"]
        assert lines[name]["window"] == [x, y, x + width, y + height]
        face = Image.fromarray(pixels_of(name)[y : y + height, x : x + width]).resize((80, 80), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(image, np.asarray(face))


def test_a_square_box_with_a_margin(made: Path, tmp_path: Path) -> None:
    options = (*LOOSE, "--box", "square", "--margin", "0.2", "--image-size", "64")
    prepare(tmp_path / "out", *options, source=made / "in" / "photographs", dataset="celeba")
    exact, square = face_lines(made / "out"), face_lines(tmp_path / "out")
    for name, image in images_of(tmp_path / "out").items():
        assert square[name]["box"] == exact[name]["box"]
        _, _, width, height = square[name]["box"]
        left, top, right, bottom = square[name]["window"]
        assert right - left == bottom - top == pytest.approx(1.4 * max(width, height), abs=1)
        face = Image.fromarray(pixels_of(name)[top:bottom, left:right]).resize((64, 64), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(image, np.asarray(face))


def pictures(report: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', report)
    return [Image.open(io.BytesIO(base64.b64decode(content))) for content in found]


def test_the_report_is_one_file_that_runs_nothing(made: Path, browser: Browser) -> None:
    with opened(browser, made / "out" / "faces_report.html") as seen:
        assert seen.page.locator("img").evaluate_all("all => all.every(one => one.naturalWidth > 0)")
        assert (seen.faults, seen.requests) == ([], [])
        assert runs_no_script(seen.page)


def test_the_report(made: Path) -> None:
    report = (made / "out" / "faces_report.html").read_text()
    words = " ".join(re.sub("<[^>]+>", " ", report).split())
    assert "one face 5" in words
    assert "no face: dropped 2" in words
    # Five by their confidence, lowest first, and two without a face.
    captions = re.findall("<figcaption>([^<]+)<", report)
    lines = face_lines(made / "out")
    by_confidence = sorted(FACES, key=lambda name: lines[name]["confidence"])
    assert captions[-5:] == [f"{name}, {lines[name]['confidence']:.4f}" for name in by_confidence]
    assert set(captions[:-5]) == {"5.jpg", "6.jpg"}
    shown = pictures(report)
    assert [picture.size for picture in shown] == [(131, 160)] * 7
    assert "own landmarks" not in report
    # One file that needs no other, so that it can be sent to somebody.
    assert not re.search(r'(src|href)="(?!data:|#content")', report)


def test_the_distance_from_celebas_landmarks(made: Path, tmp_path: Path) -> None:
    seen = face_lines(made / "out")
    # Three to the right and four down of what the detector finds: five pixels.
    rows = {name: [at + shift for x, y in seen[name]["landmarks"] for at, shift in ((x, 3), (y, 4))] for name in FACES}
    rows |= {name: [1] * 10 for name in ("5.jpg", "6.jpg")}
    files = {f"photographs/{name}": content for name, content in photographs().items()}
    source = write_files(tmp_path / "in", files | {"list_landmarks_align_celeba.txt": text_table(rows, POINTS)})
    prepare(tmp_path / "out", *LOOSE, source=source / "photographs", dataset="celeba")
    for name in FACES:
        line = face_lines(tmp_path / "out")[name]
        assert np.ravel(line["celeba_landmarks"]).tolist() == rows[name]
    report = (tmp_path / "out" / "faces_report.html").read_text()
    words = " ".join(re.sub("<[^>]+>", " ", report).split())
    for landmark in ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth"):
        assert f"{landmark} 5.0 px 5.0 px" in words
    assert "5 photographs. Yellow: CelebA" in words
    assert len(pictures(report)) == 12
    # The audit is no part of the records.
    assert list(read_manifest(open_folder(tmp_path / "out")).features) == ["image"]


def test_a_limit_counts_faces(made: Path, tmp_path: Path) -> None:
    order = [example.id for example in examples(made / "out")]
    for workers in ("1", "2"):
        options = (*LOOSE, "--limit", "4", "--workers", workers)
        prepare(tmp_path / workers, *options, source=made / "in" / "photographs", dataset="celeba")
    assert [example.id for example in examples(tmp_path / "1")] == order[:4]
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_what_is_broken_or_of_another_size_changes_no_other(made: Path, tmp_path: Path) -> None:
    """The package's detector answers a batch with a broken image with nothing for all."""
    odd = {"cut.jpg": photographs()["0.jpg"][:900], "empty.jpg": b"", "tiny.jpg": photograph(1, 3, 5)}
    large = Image.open(ASTRONAUT).convert("RGB").crop((46, 0, 402, 436))
    files = photographs() | odd | {"large.jpg": encoded(np.asarray(large), "JPEG", quality=95)}
    prepare(tmp_path / "out", *LOOSE, source=write_files(tmp_path / "in", files), dataset="celeba")
    alone, among = images_of(made / "out"), images_of(tmp_path / "out")
    assert set(among) == FACES | {"large.jpg"}
    for name in FACES:
        np.testing.assert_array_equal(among[name], alone[name])
    assert {line["id"]: line["reason"] for line in failures(tmp_path / "out")} == {
        "5.jpg": "no face",
        "6.jpg": "no face",
        "cut.jpg": "corrupt or cut off",
        "empty.jpg": "empty file",
        "tiny.jpg": "no face",
    }
    # A file that could not be decoded was never looked at.
    assert set(face_lines(tmp_path / "out")) == set(files) - {"cut.jpg", "empty.jpg"}


def test_a_photograph_without_a_face_is_tried_again_only_when_replaced(made: Path, tmp_path: Path) -> None:
    source, out = Path(shutil.copytree(made / "in", tmp_path / "in")) / "photographs", tmp_path / "out"
    arguments = ("prepare", "celeba", "--source", source, *LOOSE, "-o", out)
    assert run_cli(*arguments).code == 0
    before = tree(out)
    ran = run_cli(*arguments, "--retry-failed")
    assert (ran.code, ran.out.startswith("already done"), tree(out) == before) == (0, True, True)
    (source / "5.jpg").write_bytes(photographs()["1.jpg"])
    ran = run_cli(*arguments, "--retry-failed")
    assert (ran.code, ran.out.startswith("done: 6 examples")) == (0, True), ran.err
    prepare(tmp_path / "fresh", *LOOSE, source=source, dataset="celeba")
    assert tree(out) == tree(tmp_path / "fresh")
