"""gan-train evaluate: scores with their protocol, the same each time, kept beside the run; and what it refuses."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_core.progress import ProgressCounter, ProgressDisplay
from gan_core.storage import open_folder
from gan_train.data.dataset import open_dataset
from gan_train.extractors.classifier import packaged_classifier
from gan_train.recipe.document import load_recipe
from gan_train.sampling.generator import saved_generator
from gan_train.scoring.compute import compute_scores
from gan_train.scoring.image_statistics import ImageStatistics, gather_statistics
from gan_train.scoring.images import Images, fakes, reals
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.real_statistics import entry_name, real_statistics
from gan_train.scoring.scores import KINDS, read_scores
from tests.support.pictures import grid_pixels
from tests.support.runs import gan_train

OF_IMAGES = {"fid", "kid", "kid_std", "inception_score", "inception_score_std", "precision", "recall", "density", "coverage"}
ALL = OF_IMAGES | {"ms_ssim", "ms_ssim_of_reals", "class_coverage", "class_balance"}

pytestmark = pytest.mark.usefixtures("cache")

PROTOCOL = Protocol("digits-classifier", "ab", "none", "cd34", "train", 60, 60, 0, "as trained", 6)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run that a test may change; generators of steps 3 and 6."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def side_of(images: Iterator[Images], count: int, resizer: str = "none") -> ImageStatistics:
    return gather_statistics(
        images,
        count,
        (28, 28, 1),
        packaged_classifier("digits"),
        resizer,
        ProgressCounter(ProgressDisplay(count), count, "images"),
    )


def test_every_score_has_its_protocol_in_the_file_and_on_the_terminal(run: Path, digits: Path) -> None:
    ran = gan_train("evaluate", run, "--data", digits)
    assert ran.code == 0, ran.err
    (document,) = map(json.loads, (run / "scores.jsonl").read_text().splitlines())
    assert document["scores"].keys() == ALL
    digest = json.loads((digits / "manifest.json").read_text())["digest"]
    extractor = packaged_classifier("digits").hash
    assert document["protocol"] == {
        "extractor": "digits-classifier",
        "extractor_hash": extractor,
        "resizer": "none",
        "dataset": digest,
        "split": "train",
        "reals": 300,
        "fakes": 300,
        "seed": 0,
        "weights": "as trained",
        "step": 6,
        "truncation": "",
    }
    line = f"[digits-classifier {extractor[:4]}…, train 300 vs 300, as trained, none, step 6, data {digest[:4]}…]"
    *said, protocol, caution = [one for one in ran.out.splitlines() if one]
    assert len(said) == len(ALL & KINDS.keys())
    assert all(one.endswith(" (few images)") for one in said)
    assert said[0] == f"FID {document['scores']['fid']:.4g} (few images)"
    assert protocol == f"measured as {line}"
    assert caution.startswith("few images, 300 against 300: ")
    assert "300/300 fakes" in ran.err or not ran.err


def test_scores_of_several_truncations_name_theirs_and_are_never_ranked_together(run: Path, digits: Path) -> None:
    truncations = ("--truncation", "1", "--truncation", "0.1", "--truncation-psi", "0.1")
    ran = gan_train("evaluate", run, "--data", digits, "--count", "60", *truncations)
    assert ran.code == 0, ran.err
    documents = [json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()]
    assert [one["protocol"]["truncation"] for one in documents] == ["threshold 1", "threshold 0.1", "psi 0.1"]
    assert len({one["scores"]["fid"] for one in documents}) == 3
    assert len({one.protocol.yardstick for one in read_scores(open_folder(str(run)))}) == 3
    assert "as trained, psi 0.1, none, step 6" in ran.out


def test_scores_are_the_same_to_the_last_bit_with_and_without_the_cache(run: Path, digits: Path, cache: Path) -> None:
    documents = [json.loads(gan_train("evaluate", run, "--data", digits, "--json").out) for _ in range(2)]
    (entry,) = cache.iterdir()
    kept = entry.read_bytes()
    entry.unlink()
    documents.append(json.loads(gan_train("evaluate", run, "--data", digits, "--json").out))
    assert documents[0] == documents[1] == documents[2]
    assert len(read_scores(open_folder(run))) == 3
    assert len(kept) == entry.stat().st_size


def test_reals_against_themselves_are_perfect(digits: Path) -> None:
    dataset = open_dataset(str(digits), load_recipe("mnist-dcgan"))
    side = side_of(reals(dataset, 300), 300)
    scores = compute_scores(side, side)
    assert scores["fid"] == pytest.approx(0, abs=1e-6)
    assert scores["precision"] == scores["recall"] == scores["coverage"] == scores["class_coverage"] == 1
    assert scores["ms_ssim"] == scores["ms_ssim_of_reals"]
    assert scores["class_agreement"] > 0.97
    assert scores["class_balance"] > 0.97


def test_batches_of_any_size_give_the_same_statistics(digits: Path) -> None:
    dataset = open_dataset(str(digits), load_recipe("mnist-dcgan"))
    (whole,) = [Images(np.concatenate([one.pixels for one in reals(dataset, 100)]))]
    one_by_one = side_of(iter([Images(whole.pixels[:1]), Images(whole.pixels[1:34]), Images(whole.pixels[34:])]), 100)
    at_once = side_of(iter([whole]), 100)
    for name, array in at_once.to_arrays().items():
        np.testing.assert_array_equal(one_by_one.to_arrays()[name], array, err_msg=name)


def test_a_fake_depends_on_its_place_and_not_on_how_many_are_made(trained: Path) -> None:
    saved = saved_generator(str(trained))
    network = saved.sampling_network()
    few, many = (np.concatenate([one.pixels for one in fakes(network, saved.recipe, 5, count)]) for count in (30, 230))
    assert len(many) == 230
    np.testing.assert_array_equal(few, many[:30])
    other = next(fakes(network, saved.recipe, 6, 30)).pixels
    assert (other != few).any()


def test_an_entry_of_the_cache_is_named_by_content_and_a_damaged_one_is_made_anew(
    digits: Path, cache: Path, notices: list[str]
) -> None:
    dataset = open_dataset(str(digits), load_recipe("mnist-dcgan"))
    protocol = PROTOCOL
    side = side_of(reals(dataset, 60), 60)
    made: list[int] = []

    def gather() -> ImageStatistics:
        made.append(1)
        return side

    first, second = real_statistics(protocol, gather), real_statistics(protocol, gather)
    assert len(made) == 1
    assert compute_scores(first, second) == compute_scores(side, side)
    (cache / entry_name(protocol)).write_bytes(b"not a file of arrays")
    real_statistics(protocol, gather)
    assert len(made) == 2
    assert any("is damaged; it is made again" in notice for notice in notices)
    changes = {"dataset": "cd", "split": "test", "reals": 61, "extractor_hash": "12", "resizer": "nearest"}
    names = {entry_name(replace(protocol, **{name: value})) for name, value in changes.items()}  # type: ignore[arg-type]
    assert len(names | {entry_name(protocol)}) == 6
    same = replace(protocol, step=9, seed=4, weights="EMA", extractor="another name")
    assert entry_name(same) == entry_name(protocol)


def test_each_generated_image_stands_beside_its_closest_reals(run: Path, digits: Path) -> None:
    assert gan_train("evaluate", run, "--data", digits, "--seed", "3").code == 0
    shown = 255 - grid_pixels(run / "scores" / "neighbours-step-00000006.png")
    rows = [[shown[2 + 30 * row : 30 + 30 * row, 2 + 30 * at : 30 + 30 * at] for at in range(6)] for row in range(5)]
    threes = [three for row in rows for three in (row[:3], row[3:])]
    stored = np.concatenate([one.pixels for one in reals(open_dataset(str(digits), load_recipe("mnist-dcgan")), 300)])[..., 0]
    saved = saved_generator(str(run))
    made = next(fakes(saved.sampling_network(), saved.recipe, 3, 10)).pixels[..., 0]
    for (generated, by_pixels, by_features), wanted in zip(threes, made, strict=True):
        np.testing.assert_array_equal(generated, wanted)
        distances = np.linalg.norm((stored.astype(float) - generated).reshape(300, -1), axis=1)
        np.testing.assert_array_equal(by_pixels, stored[distances.argmin()])
        assert any((by_features == one).all() for one in stored)


def test_the_best_generator_is_kept_and_only_scores_of_one_yardstick_compare(run: Path, digits: Path) -> None:
    for step in ("3", "6"):
        assert gan_train("evaluate", run, "--data", digits, "--step", step, "--best", "recall").code == 0
    scored = read_scores(open_folder(run))
    wanted = max(scored, key=lambda one: (one.values["recall"], -one.protocol.step)).protocol.step
    best = json.loads((run / "best" / "best.json").read_text())
    assert (best["score"], best["protocol"]["step"]) == ("recall", wanted)
    assert (run / best["model"]).read_bytes() == (run / "models" / f"generator-step-{wanted:08d}.keras").read_bytes()
    other = 9 - wanted
    assert gan_train("evaluate", run, "--data", digits, "--step", str(other), "--best", "recall", "-n", "200").code == 0
    best = json.loads((run / "best" / "best.json").read_text())
    assert (best["protocol"]["step"], best["protocol"]["reals"]) == (other, 200)
    assert [path.name for path in (run / "best").iterdir() if path.suffix == ".keras"] == [Path(best["model"]).name]


def test_conditional_samples_are_asked_whether_they_show_their_class(conditional: Path, clothes: Path, tmp_path: Path) -> None:
    run = shutil.copytree(conditional, tmp_path / "run")
    ran = gan_train("evaluate", run, "--data", clothes, "-n", "60", "--json")
    assert ran.code == 0, ran.err
    (document,) = json.loads(ran.out)
    assert document["protocol"]["extractor"] == "fashion-classifier"
    assert 0 <= document["scores"]["class_agreement"] <= 1


def test_a_watched_run_is_scored_step_by_step_until_it_ends_and_never_twice(run: Path, digits: Path) -> None:
    assert gan_train("evaluate", run, "--data", digits, "--step", "3").code == 0
    ran = gan_train("evaluate", run, "--data", digits, "--watch")
    assert ran.code == 0, ran.err
    assert [one.protocol.step for one in read_scores(open_folder(run))] == [3, 6]
    assert f"{run}: finished, reached its last step" in ran.err
    page = (run / "report.html").read_text()
    assert all(f"{scored.values['fid']:.4g}" in page for scored in read_scores(open_folder(run)))
    again = gan_train("evaluate", run, "--data", digits, "--watch")
    assert (again.code, again.out) == (0, "")


def test_the_scores_themselves_are_checked() -> None:
    ran = gan_train("evaluate", "--self-test")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert len(lines) > 20
    assert all(line.startswith("ok ") for line in lines)
    checks = json.loads(gan_train("evaluate", "--self-test", "--json").out)
    assert len(checks) == len(lines)
    assert all(check["passed"] for check in checks)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "name a run and its dataset"),
        (("--watch", "--step", "3"), "--watch scores every step; leave --step out"),
        (("--watch", "--truncation", "1", "--truncation", "2"), "--watch scores every step once; give one --truncation"),
        (("--truncation", "1", "--truncation-psi", "2"), "--truncation-psi 2.0: write a factor above 0, up to 1"),
        (("--best", "ms_ssim"), "--best 'ms_ssim' ranks no generators; choose one of: fid, kid"),
        (("--extractor", "digits", "--weights", "x.h5"), "--weights goes with --extractor inception; digits brings its own"),
        (("--resizer", "lanczos"), "--resizer 'lanczos' is unknown"),
        (("--step", "5"), "no generator of step 5; there are: 3, 6"),
    ],
)
def test_wrong_requests_are_answered_in_words(trained: Path, digits: Path, options: tuple[str, ...], words: str) -> None:
    run = ("evaluate", trained, "--data", digits) if options else ("evaluate", trained)
    ran = gan_train(*run, *options)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_what_makes_no_images_from_latents_is_refused(pix2pix_run: Path, sgan_run: Path, digits: Path, tmp_path: Path) -> None:
    ran = gan_train("evaluate", pix2pix_run, "--data", digits)
    assert ran.code == 2
    assert "makes images from images" in ran.err
    ran = gan_train("evaluate", tmp_path, "--data", digits)
    assert ran.code == 3
    assert "no recipe.yaml here" in ran.err


def test_images_in_colour_are_not_for_a_grey_extractor(pictures_32: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    small = ("generator.base=[4,4,8]", "generator.filters=[8,8,8]", "discriminator.filters=[8,8]", "batch_size=4", "steps=1")
    keys = [part for key in (*small, "snapshot_every=1", "sample_images=4", "precision=float32") for part in ("--set", key)]
    assert gan_train("run", "cifar10-gan", "--data", pictures_32, "-o", run, *keys).code == 0
    ran = gan_train("evaluate", run, "--data", pictures_32, "--extractor", "digits")
    assert ran.code == 2
    assert "images are 32x32x3, digits-classifier takes 28x28x1; choose another --extractor" in ran.err
