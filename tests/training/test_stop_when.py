"""--stop-when: a run ends by itself when a score or metric gets no better, and stays ended."""

import json
import shutil
from pathlib import Path

import pytest

from gan_train import train
from gan_train.loop.stopping import StopWhen, parse_stop_when, plateau
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


def test_scores_of_an_evaluator_end_the_run(points: Path, tmp_path: Path) -> None:
    """Scores come from beside the run, late or early; those of another yardstick do not count."""
    begun, out = tmp_path / "begun", tmp_path / "run"
    assert run(points, begun, "--steps", "4").code == 0
    for fids, stops in (((3.0, 2.0, 2.5, 2.0), True), ((3.0, 2.0, 2.5, 1.9), False), ((2.0, 2.5), False)):
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(begun, out)
        for step, fid in enumerate(fids, 1):
            score(out, step, fid=fid, kid=0.5, kid_std=0.1)
        trained = train("curve-gan", points, out, overrides=KEYS, steps=8, stop_when="fid:no-better:2").trained
        assert trained is not None
        if stops:
            assert trained.step == 4 and trained.already_done
            assert trained.reason == "fid was no better than 2 of step 2 in 2 measurements up to step 4"
        else:
            assert (trained.step, trained.reason) == (8, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fid", "write SCORE:no-better:N"),
        ("fid:no-better:0", "write SCORE:no-better:N"),
        ("fid:max:no-better:5", "the better fid is the min"),
        ("ms_ssim:no-better:5", "neither lower nor higher values are better"),
        ("d.loss:no-better:5", "say which values are better"),
        ("g.los:min:no-better:5", "--stop-when g.los: no such metric; choose one of: d_real.loss"),
    ],
)
def test_a_wrong_value_is_refused(points: Path, tmp_path: Path, text: str, words: str) -> None:
    ran = run(points, tmp_path / "run", "--stop-when", text)
    assert ran.code == 2 and words in ran.err, ran.err
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_what_counts_as_no_better() -> None:
    stop = StopWhen("fid", "min", 3)
    assert parse_stop_when("fid:no-better:3") == parse_stop_when("fid:min:no-better:3") == stop
    assert parse_stop_when("never") is None
    values = [5.0, 4.0, 4.5, 4.0, 4.1, 3.9, 4.0, 4.0, 3.9]
    points = list(enumerate(values))
    assert [bool(plateau(points[:count], stop)) for count in range(len(values) + 1)] == [
        False, False, False, False, False, True, False, False, False, True,
    ]  # fmt: skip
    rising = StopWhen("recall", "max", 2)
    assert (
        plateau([(1, 0.5), (2, 0.4), (3, 0.5)], rising)
        == "recall was no better than 0.5 of step 1 in 2 measurements up to step 3"
    )
