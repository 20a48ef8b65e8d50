"""A run that is judged while it trains: what it says and writes, stops at, returns to, and that a kill changes nothing."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import gan_train.diagnosis.judge as judging
import gan_train.galleries.sampled as sampled
import gan_train.loop.failure as failure
import gan_train.loop.fault as fault
import gan_train.loop.saving as saving
import gan_train.objectives.augmentation as augmentation
from gan_core.storage import open_folder
from gan_train.diagnosis.history import diagnose_run
from gan_train.logs.curves import Curves
from gan_train.logs.verdict import read_verdicts
from gan_train.runs.layout import DIAGNOSIS, ROLLBACKS
from tests.support.commands import Ran
from tests.support.runs import SMALL, assert_same_checkpoint, gan_train, trained_numbers

WINDOW = 9
SCHEDULE = tuple(
    part for key in ("snapshot_every=9", "checkpoint_every=9", "steps=81", "steps_per_call=9") for part in ("--set", key)
)
"""A window, a look and a checkpoint every nine steps."""


class KilledError(BaseException):
    """Ends a run as no error does."""


def looks(*diversities: float) -> Callable[[object, object], float]:
    """In place of the measurement at each look in turn; the last one for ever."""
    left = list(diversities)
    return lambda made, reals: left.pop(0) if len(left) > 1 else left[0]


WELL_THEN_ALIKE = (1.0, 1.0, 1.0, 0.1)
"""Samples are alike from step 36 on."""


@contextmanager
def judged_soon(*diversities: float) -> Iterator[None]:
    """Windows of nine steps, a warm-up of at most twenty, the patience of two windows, and these looks at the samples."""
    with (
        mock.patch.multiple(judging, WINDOW=WINDOW, SHORTEST_WARM_UP=18),
        mock.patch.multiple(failure, PATIENCE=2, PATIENCE_FROM_THE_START=2),
        mock.patch.object(sampled, "neighbour_ratio", looks(*diversities)),
        mock.patch.multiple(
            sampled,
            common_share=lambda made, reals: 0.1,
            distance_ratio=lambda made, reals: 0.9,
            roughness_ratio=lambda made, reals: 1.0,
        ),
        # Nine pictures of curves, at which nobody looks, take longer than the training.
        mock.patch.object(Curves, "png", lambda curves: b""),
    ):
        yield


def train(digits: Path, out: Path, *options: str) -> Ran:
    return gan_train("run", "mnist-dcgan", "--data", digits, "-o", out, *SMALL, *SCHEDULE, *options)


def committed(run: Path) -> list[int]:
    return sorted(int(path.parent.name.removeprefix("step-")) for path in run.glob("checkpoints/*/COMMIT"))


def timeline(run: Path) -> list[tuple[int, str]]:
    return [(verdict.step, verdict.kind) for verdict in read_verdicts(open_folder(str(run)))]


def status(run: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads((run / "status.json").read_text())
    return told


def test_a_collapsing_run_is_told_once_and_goes_on(digits: Path, tmp_path: Path) -> None:
    """With nothing replaced: a latent of one number, real looks, real windows."""
    out = tmp_path / "run"
    options = ("--set", "snapshot_every=45", "--set", "checkpoint_every=45", "--steps", "225")
    ran = gan_train("run", "mnist-dcgan-collapse", "--data", digits, "-o", out, *SMALL, *options)
    assert ran.code == 0, ran.err
    assert ran.err.count("warning: mode collapse since step 135: Samples of step 135 have 0.0") == 1
    assert "step 225/225 | mode collapse | loss" in ran.err
    assert timeline(out) == [
        (45, "warming-up"),
        (90, "warming-up"),
        (135, "mode-collapse"),
        (180, "mode-collapse"),
        (225, "mode-collapse"),
    ]
    told = gan_train("diagnose", out)
    assert told.code == 4
    first, second, third, fourth = told.out.splitlines()
    assert (first, second) == ("from step 45 to 90: warming up", "from step 135 to 225: mode collapse")
    assert third.startswith("now: mode collapse since step 135: Samples of step 225 have 0.")
    assert "A larger latent_size than 1." in third
    assert fourth == "quality: not measured; 'gan-train evaluate' scores the images."
    watched = gan_train("watch", out, "--once")
    assert watched.code == 0
    assert "| mode collapse |" in watched.out
    assert "diagnosis: mode collapse since step 135" in watched.out
    assert "quality: not measured" in watched.out


def test_a_stable_run_is_judged_so_and_a_script_can_ask(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with judged_soon(1.0):
        ran = train(digits, out, "--steps", "36")
        assert "warning" not in ran.err
        asked = gan_train("diagnose", out, "--json")
    assert asked.code == 0
    document = json.loads(asked.out)
    assert document["timeline"] == [
        {"kind": "warming-up", "from": 9, "to": 9},
        {"kind": "stable", "from": 18, "to": 36},
    ]
    assert document["standing"]["kind"] == "stable"
    assert not document["standing"]["failing"]
    with judged_soon(1.0):
        _diagnose_writes_only_when_told_to(out)


def _diagnose_writes_only_when_told_to(out: Path) -> None:
    written = (out / DIAGNOSIS).read_bytes()
    (out / DIAGNOSIS).write_text("no verdict\n")
    assert gan_train("diagnose", out).code == 0
    assert (out / DIAGNOSIS).read_text() == "no verdict\n"
    damaged = gan_train("watch", out, "--once")
    assert damaged.code == 3
    assert "--write' writes the file again" in damaged.err
    assert gan_train("diagnose", out, "--write").code == 0
    assert (out / DIAGNOSIS).read_bytes() == written


@pytest.mark.evidence
def test_a_killed_run_is_judged_as_one_that_was_not(digits: Path, tmp_path: Path) -> None:
    """Rows and verdicts after the last checkpoint are gone and made again."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with judged_soon(*WELL_THEN_ALIKE):
        train(digits, whole, "--steps", "54")
    save = saving.save_checkpoint

    def and_die(run: object, system: object, step: int, digest: str) -> None:
        if step == 45:
            raise KilledError
        save(run, system, step, digest)

    with (
        judged_soon(*WELL_THEN_ALIKE),
        mock.patch.object(saving, "save_checkpoint", and_die),
        pytest.raises(KilledError),
    ):
        train(digits, killed, "--steps", "54")
    assert timeline(killed)[-1] == (45, "mode-collapse")
    with judged_soon(0.1):
        assert train(digits, killed, "--steps", "54").code == 0
        assert diagnose_run(open_folder(str(killed))) == read_verdicts(open_folder(str(killed)))
    assert (killed / DIAGNOSIS).read_bytes() == (whole / DIAGNOSIS).read_bytes()
    assert_same_checkpoint(whole, killed, 54)


def test_a_lasting_failure_stops_the_run_after_a_checkpoint(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with judged_soon(*WELL_THEN_ALIKE):
        ran = train(digits, out, "--on-failure", "stop", "--set", "checkpoint_every=81")
    assert ran.code == 4
    assert "mode collapse since step 36" in ran.err
    assert "Stopped at step 54; the newest checkpoint is step-00000054." in ran.err
    assert committed(out) == [54]
    assert status(out)["state"] == "failed"
    watched = gan_train("watch", out)
    assert watched.code == 4
    assert "failed, --on-failure ended it" in watched.out
    page = (out / "report.html").read_text()
    assert "--on-failure ended it after a checkpoint" in page and "Mode collapse" in page

    # The same command ends at once; with patience for ever it goes on.
    before = (out / "metrics.jsonl").read_bytes()
    with judged_soon(0.1):
        again = train(digits, out, "--on-failure", "stop", "--set", "checkpoint_every=81")
        assert again.code == 4
        assert again.err.splitlines()[-1] == ran.err.splitlines()[-1]
        assert (out / "metrics.jsonl").read_bytes() == before
        assert train(digits, out, "--set", "checkpoint_every=81").code == 0
    assert status(out)["state"] == "finished"


def test_a_failure_that_recovers_in_time_stops_nothing(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with judged_soon(1.0, 1.0, 1.0, 0.1, 0.1, 1.0):
        ran = train(digits, out, "--on-failure", "stop", "--steps", "63")
    assert ran.code == 0
    assert [kind for _, kind in timeline(out)].count("mode-collapse") == 2


ROLLING = ("--on-failure", "rollback", "--keep", "last=1", "--steps", "63")
COURSE = (1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 1.0)


@pytest.fixture(scope="module")
def rolled_back(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """A run that returned to step 27, and what it said. Not to be changed."""
    out = tmp_path_factory.mktemp("failure") / "run"
    with judged_soon(*COURSE):
        ran = train(digits, out, *ROLLING)
    assert ran.code == 0, ran.err
    return out, ran


def test_a_rollback_goes_on_from_before_the_failure_with_other_random_numbers(
    rolled_back: tuple[Path, Ran], digits: Path, tmp_path: Path
) -> None:
    """The checkpoint from before it is kept, however few are to stay."""
    (out, ran), straight = rolled_back, tmp_path / "straight"
    assert "warning: mode collapse since step 36; back to step 27 with other random numbers (rollback 1 of 3)" in ran.err
    assert [json.loads(line) for line in (out / ROLLBACKS).read_text().splitlines()] == [
        {"step": 54, "name": "mode-collapse", "player": "", "value": "since step 36", "restored": 27}
    ]
    assert timeline(out) == [(9, "warming-up"), *((step, "stable") for step in range(18, 64, 9))]
    with judged_soon(1.0):
        train(digits, straight, "--steps", "36")
    one, other = (trained_numbers((run / "metrics.jsonl").read_bytes()) for run in (out, straight))
    assert one[:27] == other[:27]
    assert len(other) == 36 and all(here != there for here, there in zip(one[27:36], other[27:], strict=True))


def test_a_rollback_that_is_killed_goes_on_as_if_it_was_not(
    rolled_back: tuple[Path, Ran], digits: Path, tmp_path: Path
) -> None:
    whole, killed = rolled_back[0], tmp_path / "killed"
    with (
        judged_soon(*COURSE),
        mock.patch.object(fault, "write_rollbacks", side_effect=KilledError),
        pytest.raises(KilledError),
    ):
        train(digits, killed, *ROLLING)
    assert committed(killed) == [27]
    with judged_soon(*COURSE[3:]):
        assert train(digits, killed, *ROLLING).code == 0
    assert (killed / DIAGNOSIS).read_bytes() == (whole / DIAGNOSIS).read_bytes()
    assert_same_checkpoint(whole, killed, 63)


def test_rollbacks_from_the_beginning_have_an_end(digits: Path, tmp_path: Path) -> None:
    """Nothing was ever well: it returns to the initial weights, of a session that began with a checkpoint, too."""
    out = tmp_path / "run"
    with judged_soon(0.1):
        assert train(digits, out, "--steps", "27").code == 0
        ran = train(digits, out, "--on-failure", "rollback", "--max-rollbacks", "1")
    assert ran.code == 4
    assert "back to step 0 with other random numbers (rollback 1 of 1)" in ran.err
    assert "Stopped at step 36 after 1 rollback;" in ran.err
    assert status(out)["state"] == "failed"


def test_diagnose_says_what_a_diverged_run_ended_with(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    no_numbers = {"flip": (1, lambda images, numbers, limit: images * np.nan)}
    with mock.patch.dict(augmentation.POLICIES, no_numbers):
        assert train(digits, out, "--set", "augment=[flip]").code == 4
    told = gan_train("diagnose", out)
    assert told.code == 4
    assert "now: numbers that are not finite since step" in told.out
    assert read_verdicts(open_folder(str(out)))[-1].kind == "non-finite"


def test_diagnose_of_no_run_says_so(tmp_path: Path) -> None:
    ran = gan_train("diagnose", tmp_path)
    assert ran.code == 3
    assert "give the folder of a run" in ran.err


def test_a_wrong_policy_is_refused(digits: Path, tmp_path: Path) -> None:
    ran = train(digits, tmp_path / "run", "--on-failure", "panic")
    assert ran.code == 2
    assert "choose one of: warn, stop, rollback" in ran.err


def test_workers_together_cannot_return(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(workers))
    ran = train(digits, tmp_path / "run", "--on-failure", "rollback")
    assert ran.code == 2
    assert "use stop or warn" in ran.err
