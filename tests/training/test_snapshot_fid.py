"""The FID at snapshots: logged and shown where a packaged classifier knows the data, and without effect on the training."""

import json
from pathlib import Path

import pytest

from gan_core.storage import open_folder
from gan_train.data.dataset import open_dataset
from gan_train.extractors.classifier import packaged_classifier
from gan_train.metrics.frechet import frechet_distance
from gan_train.metrics.moments import Moments, streaming_moments
from gan_train.runs.run_folder import read_record
from gan_train.sampling.generator import saved_generator
from gan_train.scoring.images import Images, fakes, reals
from tests.support.runs import SMALL, assert_same_checkpoint, gan_train, trained_numbers


def moments(images: list[Images]) -> Moments:
    total = streaming_moments()
    for batch in images:
        total.add(packaged_classifier("digits").extract(batch.pixels).features)
    return total.total()


def fids(run: Path) -> dict[int, float]:
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return {row["step"]: row["snapshot.fid"] for row in rows if "snapshot.fid" in row}


def train(digits: Path, out: Path, steps: int, every: int) -> None:
    """The training that made the `trained` run, with the FID at one of so many snapshots."""
    schedule = ("--set", "snapshot_every=3", "--set", "checkpoint_every=2", "--steps", str(steps))
    options = (*SMALL, *schedule, "--evaluate-every", str(every))
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", out, *options)
    assert ran.code == 0, ran.err


@pytest.fixture(scope="module")
def scored(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `trained` run, with the FID at both snapshots. Not to be changed."""
    out = tmp_path_factory.mktemp("fid") / "run"
    train(digits, out, 6, 1)
    return out


def test_it_is_that_of_the_saved_generator_against_the_reals(scored: Path, digits: Path) -> None:
    recipe = read_record(open_folder(str(scored))).recipe
    real = moments(list(reals(open_dataset(str(digits), recipe), 300)))
    assert fids(scored).keys() == {3, 6}
    for step, fid in fids(scored).items():
        saved = saved_generator(str(scored), step)
        generated = moments(list(fakes(saved.network(), saved.recipe, 0, 300)))
        assert fid == pytest.approx(frechet_distance(real, generated), rel=1e-3)
    page = (scored / "report.html").read_text()
    assert "FID at snapshots" in page


def test_a_training_is_bit_for_bit_the_same_without_it(trained: Path, scored: Path, digits: Path, tmp_path: Path) -> None:
    train(digits, tmp_path / "rare", 6, 2)
    runs = (trained, scored, tmp_path / "rare")
    for run in runs:
        assert_same_checkpoint(trained, run, 6)
    assert [fids(run).keys() for run in runs] == [set(), {3, 6}, {6}]
    rows = [trained_numbers((run / "metrics.jsonl").read_bytes()) for run in runs]
    for one in rows:
        for row in one:
            row.pop("snapshot.fid", None)
    assert rows[0] == rows[1] == rows[2]


def test_it_goes_on_alike_after_an_interruption_with_another_interval(scored: Path, digits: Path, tmp_path: Path) -> None:
    for steps, every in ((3, 0), (6, 1)):
        train(digits, tmp_path / "run", steps, every)
    assert_same_checkpoint(scored, tmp_path / "run", 6)
    assert fids(tmp_path / "run") == {6: fids(scored)[6]}


def test_it_is_not_measured_where_no_packaged_classifier_knows_the_data(
    conditional: Path, pictures_32: Path, tmp_path: Path
) -> None:
    assert fids(conditional).keys() == {3}
    options = (
        "--set",
        "generator.base=[4,4,8]",
        "--set",
        "generator.filters=[8,8,8]",
        "--set",
        "discriminator.filters=[8,8,8,8]",
    )
    schedule = ("--steps", "2", "--set", "snapshot_every=2", "--set", "batch_size=8", "--set", "sample_images=4")
    ran = gan_train("run", "cifar10-gan", "--data", pictures_32, "-o", tmp_path / "run", *options, *schedule)
    assert ran.code == 0, ran.err
    assert fids(tmp_path / "run") == {}
