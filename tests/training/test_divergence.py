"""Numbers that are not finite: stop, roll back, or warn; and a rollback survives a kill."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

import gan_train.loop.fault as fault
import gan_train.objectives.augmentation as augmentation
from gan_train.logs.metrics_log import Row
from gan_train.logs.metrics_writer import MetricsWriter
from gan_train.loop.divergence import Divergence, FiniteCheck
from gan_train.numerics.randomness import Draw, random_key
from gan_train.runs.checkpoint import named_variables
from gan_train.runs.layout import ROLLBACKS
from gan_train.systems.step import metric_names
from gan_train.testing import build
from tests.support.commands import Ran
from tests.support.runs import SMALL, assert_same_checkpoint, gan_train, saved_variables, small_recipe, trained_numbers

SCHEDULE = ("--set", "augment=[flip]", "--set", "checkpoint_every=4", "--set", "snapshot_every=4", "--steps", "12")
SEED = 85
"""With it `failing` meets step 4, after the rollback to the beginning step 6, after that to step 4 none."""


class KilledError(BaseException):
    """Ends a run as no error does."""


@contextmanager
def failing() -> Iterator[None]:
    """In place of flips: now and then, by the run's own random numbers, images that are no numbers."""

    def fail(images: tf.Tensor, numbers: tf.Tensor, _: float) -> tf.Tensor:
        return tf.where(numbers[0, 0] < 0.06, np.nan, images)

    with mock.patch.dict(augmentation.POLICIES, flip=(1, fail)):
        yield


def train(digits: Path, out: Path, *options: str) -> Ran:
    with failing():
        chosen = (*SMALL, *SCHEDULE, "--set", f"seed={SEED}", *options)
        return gan_train("run", "mnist-gan", "--data", digits, "-o", out, *chosen)


def train_until_killed(digits: Path, out: Path, *options: str, at: Any, name: str, when: Callable[..., bool]) -> None:
    """Train until a call of a function for which `when` holds has ended."""
    whole = getattr(at, name)

    def and_die(*args: Any) -> Any:
        ended = whole(*args)
        if when(*args):
            raise KilledError
        return ended

    with mock.patch.object(at, name, and_die), pytest.raises(KilledError):
        train(digits, out, *options)


def rows(run: Path) -> list[Row]:
    """The log as strict JSON."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} in metrics.jsonl")

    return [json.loads(line, parse_constant=refuse) for line in (run / "metrics.jsonl").read_text().splitlines()]


def numbers(run: Path) -> list[Row]:
    return trained_numbers((run / "metrics.jsonl").read_bytes())


def rollbacks(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / ROLLBACKS).read_text().splitlines()]


def committed(run: Path) -> list[int]:
    return sorted(int(path.parent.name.removeprefix("step-")) for path in run.glob("checkpoints/*/COMMIT"))


def assert_finite(run: Path) -> None:
    for step in committed(run):
        assert all(np.isfinite(values).all() for values in saved_variables(run, step).values())


ROLLING = ("--on-divergence", "rollback")


@pytest.fixture(scope="module")
def rolled_back(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run that returned to its beginning, then to a checkpoint; and what it said."""
    out = tmp_path_factory.mktemp("divergence") / "run"
    ran = train(digits, out, *ROLLING)
    assert ran.code == 0, ran.err
    return out, ran.err


def test_a_rollback_goes_on_from_the_newest_checkpoint_with_other_numbers(rolled_back: tuple[Path, str]) -> None:
    run, said = rolled_back
    assert rollbacks(run) == [
        {"step": 4, "name": "d.loss", "player": "discriminator", "value": "nan", "restored": 0},
        {"step": 6, "name": "d.loss", "player": "discriminator", "value": "nan", "restored": 4},
    ]
    assert "d.loss (discriminator) is nan at step 4; back to step 0 with other random numbers (rollback 1 of 3)" in said
    assert "at step 6; back to step 4 with other random numbers (rollback 2 of 3)" in said
    assert [row["step"] for row in rows(run)] == list(range(1, 13))
    assert json.loads((run / "status.json").read_text())["state"] == "finished"
    assert committed(run) == [4, 8, 12]
    assert_finite(run)


def test_a_run_killed_amid_its_rollbacks_ends_at_the_same_bits(
    rolled_back: tuple[Path, str], digits: Path, tmp_path: Path
) -> None:
    """Killed when the first rollback was recorded; out of rollbacks; granted more, killed behind the last; finished."""
    out = tmp_path / "run"
    train_until_killed(digits, out, *ROLLING, at=fault, name="write_rollbacks", when=lambda run, done: len(done) == 1)
    assert len(rollbacks(out)) == 1 and committed(out) == []
    ended = train(digits, out, *ROLLING, "--max-rollbacks", "1")
    assert ended.code == 4
    for words in (
        "at step 6 after 1 rollback (from 4 to 0)",
        "the newest checkpoint is step-00000004. The run has used all of its rollbacks (--max-rollbacks 1). Try a smaller",
        "--set discriminator.optimizer.learning_rate=2e-05",
    ):
        assert words in ended.err
    assert "--on-divergence rollback" not in ended.err
    assert committed(out) == [4] and len(rollbacks(out)) == 1
    train_until_killed(digits, out, *ROLLING, at=MetricsWriter, name="write_row", when=lambda log, row: row["step"] == 10)
    assert committed(out) == [4, 8] and len(rollbacks(out)) == 2
    assert train(digits, out, *ROLLING).code == 0
    assert_same_checkpoint(rolled_back[0], out, 12)
    assert rollbacks(out) == rollbacks(rolled_back[0])
    assert numbers(out) == numbers(rolled_back[0])


def test_to_go_on_in_spite_of_it_saves_and_logs_nothing_that_is_not_finite(digits: Path, tmp_path: Path) -> None:
    """Stopped first, with no checkpoint yet; then to the end with a warning in each logging interval, and exit 4."""
    out = tmp_path / "run"
    stopped = train(digits, out, "--set", "log_every=5")
    assert stopped.code == 4
    assert "d.loss (discriminator) is nan at step 4; no checkpoint was written yet" in stopped.err
    advice = "Try --on-divergence rollback, or a smaller learning rate of the discriminator in a new folder, such as --set "
    assert f"{advice}discriminator.optimizer.learning_rate=2e-05\n" in stopped.err
    assert "A smaller learning rate of the discriminator." in (out / "diagnosis.jsonl").read_text()
    ran = train(digits, out, "--set", "log_every=5", "--on-divergence", "warn")
    assert ran.code == 4
    warned = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    assert [line.partition(" at step ")[2].partition(";")[0] for line in warned] == ["4", "9"]
    assert "is not finite at step 12" in ran.err
    assert json.loads((out / "status.json").read_text())["state"] == "diverged"
    assert committed(out) == [] and not (out / "samples").exists() and not (out / "models").exists()
    assert [(row["step"], "d.loss" in row) for row in rows(out)] == [
        (4, False),
        (5, False),
        (8, False),
        (10, False),
        (12, False),
    ]


def test_weights_are_looked_at_before_they_are_saved(digits: Path, tmp_path: Path) -> None:
    """Even had no metric told: the first checkpoint is due at the step that diverges."""
    out = tmp_path / "run"
    with mock.patch.object(FiniteCheck, "metrics", lambda *_: None):
        ran = train(digits, out)
    assert ran.code == 4
    assert "(generator) is not finite at step 4; no checkpoint" in ran.err
    assert "a smaller learning rate of the generator in a new folder, such as --set generator.optimizer" in ran.err
    assert not (out / "checkpoints").exists() and not (out / "samples").exists()


def test_the_first_number_that_is_not_finite_is_named_with_its_player() -> None:
    system = build(small_recipe("mnist-dcgan"))[0]
    names = metric_names(system)
    values = np.ones((3, len(names)), np.float32)
    check, skipping = FiniteCheck(system, "float32"), FiniteCheck(system, "float16")
    assert check.metrics(tf.constant(values), 12) is None
    for name, player in (("g.gradient_norm", "generator"), ("d_fake.gradient_norm", "discriminator")):
        values[1, names.index(name)] = np.inf
        assert check.metrics(tf.constant(values), 12) == Divergence(11, name, player, "inf")
        assert skipping.metrics(tf.constant(values), 12) is None
    values[0, names.index("generator.weight_norm")] = np.nan
    for each in (check, skipping):
        assert each.metrics(tf.constant(values), 12) == Divergence(10, "generator.weight_norm", "generator", "nan")


@pytest.mark.parametrize("ending", ["up_1_normalised/moving_variance", "discriminator_adam/score_bias_velocity"])
def test_every_variable_is_looked_at(ending: str) -> None:
    system = build(small_recipe("mnist-dcgan"))[0]
    check = FiniteCheck(system, "float32")
    assert check.variables(7) is None
    name = next(name for name in named_variables(system) if name.endswith(ending))
    variable = named_variables(system)[name]
    values = variable.numpy()
    values.flat[-1] = np.inf
    variable.assign(values)
    assert check.variables(7) == Divergence(7, name, name.partition("/")[0], "not finite")


def test_the_random_stream_is_the_number_of_rollbacks_up_to_a_step() -> None:
    steps = tf.range(0, 12, dtype=tf.int64)
    key = {step: int(random_key(2**32 - 1, [8, 3, 3], step)) for step in steps.numpy().tolist()}
    assert [key[step] >> 32 for step in range(12)] == [0] * 3 + [2] * 5 + [3] * 4
    assert all(key[step] % 2**32 == 2**32 - 1 for step in key)
    assert int(random_key(85, [], steps[5])) == 85
    draws = [Draw(key, steps[0], 0, 0, 1).normal(4, 8).numpy() for key in (85, random_key(85, [], steps[0]), 85 + 2**32)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(np.corrcoef(draws[0].ravel(), draws[2].ravel())[0, 1]) < 0.5


def test_a_damaged_record_of_rollbacks_is_named(digits: Path, tmp_path: Path) -> None:
    """Without it the run would go on with other random numbers."""
    out = tmp_path / "run"
    train_until_killed(digits, out, *ROLLING, at=fault, name="write_rollbacks", when=lambda *_: True)
    (out / ROLLBACKS).write_text('{"step": 4, "na')
    ran = train(digits, out, *ROLLING)
    assert ran.code == 3
    assert ROLLBACKS in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("option", "words"), [("--on-divergence", "stop, rollback, warn"), ("--on-corrupt", "fail, skip-shard")]
)
def test_an_unknown_policy_is_refused_with_the_known_ones(option: str, words: str, digits: Path, tmp_path: Path) -> None:
    ran = train(digits, tmp_path / "run", option, "panic")
    assert ran.code == 2
    assert "'panic'" in ran.err and words in ran.err
    assert not (tmp_path / "run").exists()
