"""Two worker processes train as one, write as one, stop as one, and say who is missing."""

import json
import signal
from pathlib import Path

import pytest

from tests.support.commands import Argument, Ran
from tests.support.runs import SMALL, assert_same_checkpoint, gan_train, trained_numbers
from tests.support.workers import ended, free_addresses, start_worker, tf_config, two_workers
from tests.training.test_resume import AT_STEP

pytestmark = pytest.mark.alone

SGD = "{kind: sgd, learning_rate: 0.01}"
PRACTICES = (
    f"generator.optimizer={SGD}",
    f"discriminator.optimizer={SGD}",
    "generator.batch_norm={synchronized: true}",
    "discriminator.batch_norm={synchronized: true}",
    "discriminator_batch=joint",
    "average={half_life_images: 100}",
    "penalties={r1: {gamma: 2, every: 3}, orthogonal: {weight: 0.001}}",
    "augment=[colour, translation]",
    "generator.output_kernel=7",
)
"""Replicas exchange statistics, and double gradients through them, under a condition that is true every third step.
Plain gradient descent, or Adam's first steps would turn a difference in rounding into one of sign. The last kernel is the
recipe's own: with that of `SMALL` and this seed the input of a rectifier is so near zero that rounding decides its sign."""


def command(digits: Path, recipe: str, steps: int, *overrides: str) -> list[Argument]:
    options = [part for override in ("precision=float32", *overrides) for part in ("--set", override)]
    return ["run", recipe, "--data", digits, *SMALL, *options, "--steps", str(steps)]


def plain(digits: Path) -> list[Argument]:
    return command(digits, "mnist-gan", 12, "snapshot_every=12", "checkpoint_every=6")


def rows(run: Path) -> list[dict[str, float]]:
    return trained_numbers((run / "metrics.jsonl").read_bytes())


def assert_ended(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err


@pytest.fixture(scope="module")
def together(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-worker run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("together")
    chief, other = two_workers(plain(digits), folder)
    assert_ended(chief, 0, "step 12/12")
    assert_ended(other, 0)
    assert "written by worker 0 (127.0.0.1:" in other.out
    assert "step 12/12" not in other.err
    return folder


def assert_same_logs(one: Path, two: Path) -> None:
    for mine, other in zip(rows(one), rows(two), strict=True):
        assert mine == pytest.approx(other, rel=1e-5, abs=1e-5)
        for name in (name for name in mine if name.endswith(".loss")):
            assert mine[name] == pytest.approx(other[name], rel=1e-5)


def test_two_workers_log_what_one_process_logs(together: Path, digits: Path, tmp_path: Path) -> None:
    assert gan_train(*plain(digits), "-o", tmp_path).code == 0
    assert len(rows(tmp_path)) == 12
    assert_same_logs(tmp_path, together / "run-0")


def test_two_workers_log_what_one_process_logs_with_every_exchange(digits: Path, tmp_path: Path) -> None:
    arguments = command(digits, "mnist-dcgan", 4, *PRACTICES)
    for ran in two_workers(arguments, tmp_path):
        assert_ended(ran, 0)
    assert gan_train(*arguments, "-o", tmp_path / "one").code == 0
    assert [row["step"] for row in rows(tmp_path / "one") if "r1.loss" in row] == [1, 4]
    assert_same_logs(tmp_path / "one", tmp_path / "run-0")


def test_the_chief_alone_writes(together: Path) -> None:
    assert (together / "run-0" / "checkpoints" / "step-00000012" / "COMMIT").exists()
    assert (together / "run-0" / "losses.png").exists()
    assert not (together / "run-1").exists()
    assert not list((together / "tmp-1").glob("gan-train-*"))


def test_stopped_and_killed_workers_take_the_others_along_and_the_same_commands_resume(
    together: Path, digits: Path, tmp_path: Path
) -> None:
    """A signal to one stops both at one step; the loss of one ends the other; the end is that of an unbroken run."""
    checkpoints = tmp_path / "run-0" / "checkpoints"

    chief, other = two_workers(plain(digits), tmp_path, {1: AT_STEP.format(step=2, signal="SIGTERM")})
    for index, ran in enumerate((chief, other)):
        assert_ended(ran, 75, f"{tmp_path}/run-{index}: stopped by SIGTERM at worker 1", "at step 3 of 12")
    assert (checkpoints / "step-00000003" / "COMMIT").exists()

    chief, other = two_workers(plain(digits), tmp_path, {1: AT_STEP.format(step=8, signal="SIGKILL")})
    assert other.code == -signal.SIGKILL
    assert_ended(chief, 75, "lost worker 1 (127.0.0.1:", "after step 6", "step-00000006", "same commands")

    chief, other = two_workers(plain(digits), tmp_path, {0: AT_STEP.format(step=11, signal="SIGKILL")})
    assert chief.code == -signal.SIGKILL
    assert_ended(other, 75, "lost worker 0 (127.0.0.1:", "after step 9", "same commands")

    chief, other = two_workers(plain(digits), tmp_path)
    assert_ended(chief, 0)
    assert_ended(other, 0)
    assert_same_checkpoint(together / "run-0", tmp_path / "run-0", 12)
    assert rows(together / "run-0") == rows(tmp_path / "run-0")


def test_a_worker_with_another_recipe_is_refused_on_both_sides(digits: Path, tmp_path: Path) -> None:
    addresses = free_addresses(2)
    worker = start_worker(addresses, 1, tmp_path / "tmp", *plain(digits), "--set", "batch_size=8", "-o", tmp_path / "other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_CONFIG", tf_config(addresses, 0))
        chief = gan_train(*plain(digits), "-o", tmp_path / "run")
    for ran in (chief, ended(worker)):
        assert_ended(ran, 2, "worker 1 (127.0.0.1:", "differs", "recipe.batch_size: 8 there, 16 here")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("own", "absent"), [(0, 1), (1, 0)])
def test_a_worker_that_never_comes_is_named(
    own: int, absent: int, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = free_addresses(2)
    monkeypatch.setenv("TF_CONFIG", tf_config(addresses, own))
    ran = gan_train(*plain(digits), "-o", tmp_path / "run", "--cluster-timeout", "1")
    assert_ended(ran, 75, f"worker {absent} ({addresses[absent]})", "within 1 seconds", "same commands")
    assert not (tmp_path / "run").exists()


def test_a_dry_run_waits_for_nobody(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = free_addresses(2)
    monkeypatch.setenv("TF_CONFIG", tf_config(addresses, 1))
    ran = gan_train(*plain(digits), "-o", tmp_path / "run", "--dry-run", "--json")
    assert ran.code == 0, ran.err
    plan = json.loads(ran.out)
    assert plan["devices"] == 2
    assert plan["workers"] == [f"worker {index} ({address})" for index, address in enumerate(addresses)]
