"""--stop-when: a run ends by itself when a score or metric gets no better, and stays ended."""

import json
import shutil
from pathlib import Path

import pytest

from gan_core.storage import open_folder
from gan_train import resume
from gan_train.loop.stopping import EarlyStopping, Plateau, StopWhen, parse_stop_when
from tests.support.commands import Ran
from tests.support.reports import score
from tests.support.runs import assert_same_checkpoint, gan_train

KEYS = ("batch_size=16", "sample_images=9", "precision=float32", "snapshot_every=2", "checkpoint_every=100", "steps_per_call=5")
OPTIONS = tuple(part for key in KEYS for part in ("--set", key))
# The learning rate is constant: no value of it is better than the first.
CONSTANT = "generator.learning_rate:max:no-better:3"


def run(points: Path, out: Path, *options: str) -> Ran:
    return gan_train("run", "curve-gan", "--data", points, "-o", out, *OPTIONS, "--steps", "20", *options)


def status(out: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((out / "status.json").read_text())
    return loaded


def test_a_metric_that_gets_no_better_ends_the_run(points: Path, tmp_path: Path) -> None:
    """Looked at after each snapshot: of the rows 1 to 4 three are no better than the first. Exit code 0, reason everywhere."""
    out = tmp_path / "run"
    ran = run(points, out, "--stop-when", CONSTANT)
    assert ran.code == 0, ran.err
    reason = "generator.learning_rate was no better than 0.001 of step 1 in 3 measurements up to step 4"
    assert f"done: step 4 in {out}: {reason}" in ran.out
    assert (status(out)["state"], status(out)["step"], status(out)["steps"]) == ("finished", 4, 20)
    assert status(out)["reason"] == reason
    assert (out / "checkpoints" / "step-00000004" / "COMMIT").exists()
    assert f"ended by --stop-when: {reason}" in (out / "report.html").read_text()
    watched = gan_train("watch", out)
    assert watched.code == 0 and f"{out}: finished, ended by --stop-when: {reason}" in watched.out
    # The same command, and --resume, which has it from the run's record, find it done.
    for again in (run(points, out, "--stop-when", CONSTANT), gan_train("run", "--resume", out)):
        assert again.code == 0 and f"already done: {out} is at step 4: {reason}; to go on: --stop-when never" in again.out
    unbroken = tmp_path / "unbroken"
    assert run(points, unbroken).code == 0
    assert gan_train("run", "--resume", out, "--stop-when", "never").code == 0
    assert "reason" not in status(out) and status(out)["step"] == 20
    assert_same_checkpoint(unbroken, out, 20)


def test_a_resumed_run_stops_where_an_unbroken_one_does(points: Path, tmp_path: Path) -> None:
    """The measurements of all sessions count."""
    out = tmp_path / "run"
    late = "generator.learning_rate:max:no-better:7"
    assert run(points, out, "--stop-when", late, "--steps", "3").code == 0
    ran = gan_train("run", "--resume", out, "--steps", "20", "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["step"] == 8 and document["reason"].endswith("in 7 measurements up to step 8")


@pytest.mark.quick
@pytest.mark.parametrize(
    ("fids", "reason"),
    [
        ((3.0, 2.0, 2.5, 2.0), "fid was no better than 2 of step 2 in 2 measurements up to step 4"),
        ((3.0, 2.0, 2.5, 1.9), ""),
        ((2.0, 2.5), ""),
    ],
)
def test_scores_of_an_evaluator_count(tmp_path: Path, fids: tuple[float, ...], reason: str) -> None:
    """Scores come from beside the run, late or early; those of another yardstick and of later steps do not count."""
    score(tmp_path, 1, fakes=50, fid=0.5)
    for step, fid in enumerate((*fids, 9.0, 9.0), 1):
        score(tmp_path, step if step <= len(fids) else 4 + step, fid=fid, kid=0.5, kid_std=0.1)
    stopping = EarlyStopping(open_folder(str(tmp_path)), StopWhen("fid", "min", 2), [], pytest.fail)
    assert stopping.reason(4) == reason


def test_scores_of_an_evaluator_end_the_run(trained: Path, digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(trained, out)
    for step in (2, 4, 6):
        score(out, step, fid=float(step))
    run = resume(out, steps=9, stop_when="fid:no-better:2").trained
    assert run is not None and (run.step, run.already_done) == (6, True)
    assert run.reason == "fid was no better than 2 of step 2 in 2 measurements up to step 6"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fid", "write SCORE:no-better:N"),
        ("fid:no-better:0", "write SCORE:no-better:N"),
        ("fid:max:no-better:5", "the better fid is the min"),
        ("fid:no-better:5", "scores are of images from latents, which recipe curve-gan does not make"),
        ("ms_ssim:no-better:5", "neither lower nor higher values are better"),
        ("d.loss:no-better:5", "say which values are better"),
        ("g.los:min:no-better:5", "--stop-when g.los: no such metric; choose one of: d_real.loss"),
    ],
)
def test_a_wrong_value_is_refused(points: Path, tmp_path: Path, text: str, words: str) -> None:
    ran = run(points, tmp_path / "run", "--stop-when", text)
    assert ran.code == 2 and words in ran.err, ran.err
    assert not (tmp_path / "run" / "recipe.yaml").exists()


@pytest.mark.quick
def test_what_counts_as_no_better() -> None:
    stop = StopWhen("fid", "min", 3)
    assert parse_stop_when("fid:no-better:3") == parse_stop_when("fid:min:no-better:3") == stop
    assert parse_stop_when("never") is None
    falling, ends = Plateau(stop), [False]
    for step, value in enumerate([5.0, 4.0, 4.5, 4.0, 4.1, 3.9, 4.0, 4.0, 3.9]):
        falling.add(step, value)
        ends.append(bool(falling.reason))
    assert ends == [False, False, False, False, False, True, False, False, False, True]
    rising = Plateau(StopWhen("recall", "max", 2))
    for step, value in ((1, 0.5), (2, 0.4), (3, 0.5)):
        rising.add(step, value)
    assert rising.reason == "recall was no better than 0.5 of step 1 in 2 measurements up to step 3"


@pytest.mark.quick
def test_a_metric_is_followed_without_reading_the_log_again(tmp_path: Path) -> None:
    """The folder has no log at all: the rows of earlier sessions are given once, the others as they are written."""
    stopping = EarlyStopping(
        open_folder(str(tmp_path)), StopWhen("g.loss", "min", 2), [{"step": 1, "g.loss": 1.0}], pytest.fail
    )
    stopping.write_row({"step": 2, "d.loss": 9.0})
    stopping.write_row({"step": 3, "g.loss": 1.5})
    assert stopping.reason(3) == ""
    stopping.write_row({"step": 4, "g.loss": 1.0})
    assert stopping.reason(4) == "g.loss was no better than 1 of step 1 in 2 measurements up to step 4"


@pytest.mark.quick
def test_a_number_that_no_snapshot_has_is_told_once(tmp_path: Path) -> None:
    """Which names snapshots have is known when one was made: FID is measured at one of `--evaluate-every`."""
    told: list[str] = []
    stopping = EarlyStopping(open_folder(str(tmp_path)), StopWhen("snapshot.fid", "min", 2), [], told.append)
    for step in (2, 4):
        stopping.write_row({"step": step, "g.loss": 1.0, "snapshot.diversity": 0.9})
        assert stopping.reason(step) == ""
    (words,) = told
    assert words.startswith("--stop-when snapshot.fid: no such number so far") and words.endswith(": snapshot.diversity")
