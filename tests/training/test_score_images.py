"""gan-train evaluate --images: files are scored as runs are, against a dataset or against other files."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_train.sampling.generator import saved_generator
from gan_train.scoring.images import fakes
from tests.support.runs import gan_train

COUNT = 60

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def generated(trained: Path, tmp_path: Path) -> Path:
    """The images on which a run is scored, as files."""
    saved = saved_generator(str(trained))
    folder = tmp_path / "generated"
    folder.mkdir()
    for batch in fakes(saved.network(), saved.recipe, 0, COUNT):
        for number, image in enumerate(batch.pixels):
            Image.fromarray(image[..., 0]).save(folder / f"{number:05}.png")
    return folder


def evaluate(*arguments: str | Path) -> dict[str, Any]:
    ran = gan_train("evaluate", *arguments, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    return dict(document[0] if isinstance(document, list) else document)


def test_the_files_of_a_generator_get_the_scores_of_its_run(
    trained: Path, digits: Path, generated: Path, tmp_path: Path, cache: Path
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    by_run = evaluate(run, "--data", digits, "-n", str(COUNT))
    entries = sorted(cache.iterdir())
    by_files = evaluate("--images", generated, "--data", digits, "-n", str(COUNT))
    assert by_files["scores"] == by_run["scores"]
    assert by_files["protocol"] == by_run["protocol"] | {"weights": "files", "step": 0}
    assert sorted(cache.iterdir()) == entries, "the reals are measured once"
    with zipfile.ZipFile(tmp_path / "generated.zip", "w") as archive:
        for file in generated.iterdir():
            archive.write(file, file.name)
    assert evaluate("--images", tmp_path / "generated.zip", "--data", digits, "-n", str(COUNT))["scores"] == by_run["scores"]


def test_few_images_are_said_beside_each_score(generated: Path, digits: Path) -> None:
    ran = gan_train("evaluate", "--images", generated, "--data", digits, "-n", "20")
    assert ran.code == 0, ran.err
    *scores, protocol, caution = ran.out.splitlines()
    assert scores[0].startswith("FID ") and all(line.endswith(" (few images)") for line in scores)
    assert protocol.startswith("measured as [digits-classifier ") and "train 20 vs 20, files, none, data " in protocol
    assert caution.startswith("few images, 20 against 20: FID is too high")
    assert "few images, 20 against 20" in evaluate("--images", generated, "--data", digits, "-n", "20")["caution"]


def test_files_against_themselves_are_perfect_and_against_others_are_not(generated: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    for number in range(COUNT):
        noise = np.random.default_rng(number).integers(0, 256, (28, 28), np.uint8)
        Image.fromarray(noise).save(others / f"{number}.png")
    same = evaluate("--images", generated, "--against", generated, "--extractor", "digits")
    assert same["scores"]["fid"] == pytest.approx(0, abs=1e-6) and same["scores"]["precision"] == 1
    assert same["scores"]["ms_ssim"] == same["scores"]["ms_ssim_of_reals"]
    assert (same["protocol"]["reals"], same["protocol"]["split"]) == (COUNT, "files")
    other = evaluate("--images", generated, "--against", others, "--extractor", "digits")
    assert other["scores"]["fid"] > 10
    assert other["protocol"]["dataset"] != same["protocol"]["dataset"]


def test_images_of_several_sizes_are_resized_one_by_one(generated: Path, digits: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for number, file in enumerate(sorted(generated.iterdir())):
        image = Image.open(file)
        image.resize((56, 56), Image.Resampling.NEAREST).convert("RGB").save(mixed / file.name) if number % 2 else image.save(
            mixed / file.name
        )
    scored = evaluate("--images", mixed, "--data", digits, "-n", str(COUNT), "--resizer", "nearest")
    whole = evaluate("--images", generated, "--data", digits, "-n", str(COUNT))
    assert scored["protocol"]["resizer"] == "nearest"
    assert not {"ms_ssim", "ms_ssim_of_reals"} & scored["scores"].keys()
    # Every second pixel of an image that was doubled gives the image back.
    assert scored["scores"] == {name: value for name, value in whole["scores"].items() if not name.startswith("ms_ssim")}


def test_a_file_that_is_no_image_is_named_and_left_out(generated: Path, digits: Path) -> None:
    (generated / "00007.png").write_bytes(b"no image")
    ran = gan_train("evaluate", "--images", generated, "--data", digits, "-n", str(COUNT), "--json")
    assert ran.code == 0, ran.err
    assert "00007.png" in ran.err
    assert (json.loads(ran.out)["protocol"]["fakes"], json.loads(ran.out)["protocol"]["reals"]) == (COUNT - 1, COUNT)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--images", "{generated}"), 2, "one reference"),
        (("--against", "{generated}"), 2, "one reference"),
        (("--images", "{generated}", "--data", "{digits}", "--against", "{generated}"), 2, "one reference"),
        (("{digits}", "--images", "{generated}", "--data", "{digits}"), 2, "files of no run"),
        (("--images", "{generated}", "--data", "{digits}", "--watch"), 2, "files of no run"),
        (("--self-test", "--images", "{generated}"), 2, "without a run"),
        (("--images", "{few}", "--data", "{digits}"), 2, "scores need 20 images or more, not 3"),
        (("--images", "{generated}", "--data", "{digits}", "--split", "test"), 3, "no split 'test'"),
        (("--images", "nowhere", "--data", "{digits}"), 3, "not found"),
        (("--images", "{generated}", "--data", "{generated}"), 3, "manifest.json"),
        (("--images", "{generated}", "--data", "{digits}", "--resizer", "lanczos"), 2, "nearest, bilinear, bicubic"),
    ],
)
def test_what_cannot_be_scored_is_said(
    arguments: tuple[str, ...], code: int, words: str, generated: Path, digits: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for file in sorted(generated.iterdir())[:3]:
        shutil.copy(file, few)
    places = {"generated": generated, "digits": digits, "few": few}
    ran = gan_train("evaluate", *(argument.format(**places) for argument in arguments))
    assert (ran.code, words in ran.err) == (code, True), ran.err
