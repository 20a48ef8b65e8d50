"""A run that was killed, or asked to stop, ends where an unbroken one ends: bit for bit."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from gan_train.runs.layout import STATE, VARIABLES
from tests.support.runs import (
    SMALL,
    assert_same_checkpoint,
    gan_train,
    gan_train_child,
    saved_variables,
    trained_numbers,
)

SCHEDULE = ("--set", "checkpoint_every=10", "--set", "snapshot_every=10", "--steps", "20")

AT_STEP = """
import os, signal
from gan_train.logs.metrics_writer import MetricsWriter
add = MetricsWriter.write_row
def add_and_die(self, row):
    add(self, row)
    if row["step"] == {step}:
        os.kill(os.getpid(), signal.{signal})
MetricsWriter.write_row = add_and_die
"""

AT_WRITE = """
import os, signal
from gan_core.storage import LocalFolder
create, writes = LocalFolder.create, []
def create_and_die(self, name):
    writes.append(name)
    if len(writes) == {write}:
        os.kill(os.getpid(), signal.SIGKILL)
    return create(self, name)
LocalFolder.create = create_and_die
"""


AT_STATE = f"""
import os, signal
from gan_core.storage import LocalFolder
create = LocalFolder.create
def create_and_die(self, name):
    if name.endswith("/{STATE}"):
        os.kill(os.getpid(), signal.SIGKILL)
    return create(self, name)
LocalFolder.create = create_and_die
"""


def arguments(recipe: str, digits: Path, out: Path) -> tuple[str | Path, ...]:
    return ("run", recipe, "--data", digits, "-o", out, *SMALL, *SCHEDULE)


@pytest.fixture(scope="module")
def unbroken(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of mnist-dcgan that nothing disturbed, in a process of its own."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    ran = gan_train_child(*arguments("mnist-dcgan", digits, out))
    assert ran.code == 0, ran.err
    return out


def losses(run: Path) -> list[dict[str, float]]:
    return trained_numbers((run / "metrics.jsonl").read_bytes())


def assert_same_run(one: Path, other: Path) -> None:
    assert_same_checkpoint(one, other, 20)
    assert losses(one) == losses(other)
    for name in ("samples/step-00000020.png", "reals.png", "latents.npz"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_killed_between_checkpoints(unbroken: Path, digits: Path, tmp_path: Path) -> None:
    """20 steps = 10 + kill -9 + 10: killed at step 14, continued from the checkpoint of step 10."""
    out = tmp_path / "run"
    killed = gan_train_child(*arguments("mnist-dcgan", digits, out), prelude=AT_STEP.format(step=14, signal="SIGKILL"))
    assert killed.code == -signal.SIGKILL
    assert (out / "checkpoints" / "step-00000010" / "COMMIT").exists()
    assert not (out / "checkpoints" / "step-00000020").exists()
    assert gan_train_child(*arguments("mnist-dcgan", digits, out)).code == 0
    assert_same_run(unbroken, out)


def test_sigterm_commits_and_the_same_command_finishes(unbroken: Path, digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    stopped = gan_train_child(*arguments("mnist-dcgan", digits, out), prelude=AT_STEP.format(step=4, signal="SIGTERM"))
    assert stopped.code == 75, stopped.err
    assert "SIGTERM" in stopped.err and "same command" in stopped.err
    assert "Traceback" not in stopped.err
    status = json.loads((out / "status.json").read_text())
    assert status["state"] == "interrupted"
    # The call of three steps that was under way is finished first.
    assert status["step"] == 6
    assert (out / "checkpoints" / "step-00000006" / "COMMIT").exists()
    assert gan_train_child(*arguments("mnist-dcgan", digits, out)).code == 0
    assert_same_run(unbroken, out)


def test_killed_amid_a_checkpoint(unbroken: Path, digits: Path, tmp_path: Path) -> None:
    """At the second file of the first checkpoint: no half checkpoint is left, and the same command ends at the same bits."""
    out = tmp_path / "run"
    killed = gan_train_child(*arguments("mnist-dcgan", digits, out), prelude=AT_STATE)
    assert killed.code == -signal.SIGKILL
    assert (out / "checkpoints" / "step-00000010" / VARIABLES).exists() and not list(out.glob("checkpoints/*/COMMIT"))
    assert gan_train_child(*arguments("mnist-dcgan", digits, out)).code == 0
    assert_same_run(unbroken, out)


@pytest.mark.evidence
def test_killed_at_every_write_of_a_checkpoint(unbroken: Path, digits: Path, tmp_path: Path) -> None:
    """From the first file of the run to the last of its first checkpoint: never a half checkpoint, always the same end.

    The process is killed at its k-th write, restarted and killed at its k-th write again, for k growing, so that it
    dies in every file it writes.
    """
    out, write = tmp_path / "run", 1
    while True:
        ran = gan_train_child(*arguments("mnist-dcgan", digits, out), prelude=AT_WRITE.format(write=write))
        if ran.code == 0:
            break
        assert ran.code == -signal.SIGKILL, ran.err
        for checkpoint in out.glob("checkpoints/*/COMMIT"):
            assert all((checkpoint.parent / name).exists() for name in (VARIABLES, STATE))
        write += 3
    assert write > 10
    assert_same_run(unbroken, out)


# Calls of equal length are traced once.
PRACTICES = (
    "steps_per_call=5",
    "generator.dropout=0.2",
    "generator.dropout_in_sampling=true",
    "discriminator_batch=joint",
    "discriminator_steps=2",
    "discriminator.dropout=0.3",
    "augment=[flip, colour, translation, cutout]",
    "instance_noise={stddev: 0.2, steps: 15}",
    "average={half_life_images: 100}",
    "penalties={r1: {gamma: 2, every: 3}, orthogonal: {weight: 0.001}}",
    "generator.optimizer.schedule={shape: cosine, warm_up: 3, start: 5, steps: 30}",
    "latent={distribution: truncated}",
)
BFLOAT16 = (
    "precision=bfloat16",
    "discriminator_steps=1",
    "loss=hinge",
    "labels={flip: 0.2}",
    "discriminator.spectral_norm=true",
)
FLOAT32 = ("loss=least-squares", "labels={real: [0.7, 1.2], fake: [0.0, 0.3], flip: 0.2}", "discriminator.spectral_norm=true")
"""Spectral normalisation has vectors of its own; neither bfloat16 nor the hinge loss keeps anything."""


@pytest.mark.parametrize("more", [FLOAT32, pytest.param(BFLOAT16, marks=pytest.mark.evidence)], ids=["float32", "bfloat16"])
def test_a_run_with_every_practice_goes_on_from_its_checkpoint(more: tuple[str, ...], digits: Path, tmp_path: Path) -> None:
    """No practice keeps anything outside the checkpoint: without that of step 20, the run makes steps 11 to 20 again.

    Step 10 is amid R1's rhythm of three steps.
    """
    whole, out = tmp_path / "whole", tmp_path / "run"
    options = [part for override in (*PRACTICES, *more) for part in ("--set", override)]
    ran = gan_train(*arguments("mnist-dcgan", digits, whole), *options)
    assert ran.code == 0, ran.err
    shutil.copytree(whole, out)
    shutil.rmtree(out / "checkpoints" / "step-00000020")
    ran = gan_train(*arguments("mnist-dcgan", digits, out), *options)
    assert ran.code == 0, ran.err
    assert "already done" not in ran.out
    assert_same_run(whole, out)
    assert [row["step"] for row in losses(out) if "r1.loss" in row] == [1, 4, 7, 10, 13, 16, 19]
    assert any(name.startswith("average/") for name in saved_variables(out, 20))


def test_ctrl_c_stops_like_sigterm(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    stopped = gan_train_child(*arguments("mnist-gan", digits, out), prelude=AT_STEP.format(step=1, signal="SIGINT"))
    assert stopped.code == 75
    assert "SIGINT" in stopped.err


def test_old_checkpoints_go_only_after_new_ones_are_committed(points: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--set", "checkpoint_every=2", "--set", "steps_per_call=2", "--keep", "last=2", "--steps", "8")
    assert gan_train("run", "curve-gan", "--data", points, "-o", out, *options).code == 0
    assert sorted(path.parent.name for path in out.glob("checkpoints/*/COMMIT")) == ["step-00000006", "step-00000008"]
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-00000006", "step-00000008"]


def test_no_space_for_a_checkpoint_keeps_the_one_before(digits: Path, tmp_path: Path) -> None:
    """The second checkpoint meets a limit on file sizes, set by the first: exit 5, the first stays, then it goes on."""
    out = tmp_path / "run"
    arguments_ = ("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, "--set", "checkpoint_every=2", "--steps", "4")
    full_after_first = """
import resource
import gan_train.loop.saving as saving
save = saving.save_checkpoint
def save_then_fill(run, system, step, digest):
    save(run, system, step, digest)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
saving.save_checkpoint = save_then_fill
"""
    full = gan_train_child(*arguments_, prelude=full_after_first)
    assert full.code == 5, full.err
    assert "no space left" in full.err and "Traceback" not in full.err
    assert [path.parent.name for path in out.glob("checkpoints/*/COMMIT")] == ["step-00000002"]
    assert gan_train_child(*arguments_).code == 0
    assert (out / "checkpoints" / "step-00000004" / "COMMIT").exists()


def test_the_policy_may_change_while_a_run_goes_on(points: Path, tmp_path: Path) -> None:
    """It changes no result; the best by a score stays, whatever its step."""
    out = tmp_path / "run"
    arguments = ("run", "curve-gan", "--data", points, "-o", out, "--set", "checkpoint_every=1", "--set", "steps_per_call=1")

    def steps() -> list[int]:
        return sorted(int(path.name.removeprefix("step-")) for path in (out / "checkpoints").iterdir())

    assert gan_train(*arguments, "--steps", "5", "--keep", "last=2,every=2").code == 0
    assert steps() == [2, 4, 5]
    ran = gan_train(*arguments, "--steps", "7", "--keep", "last=1,best=g.learning_rate:max")
    assert ran.code == 2
    assert "generator.learning_rate" in ran.err and steps() == [2, 4, 5]
    # The learning rate is constant: of equal scores the earliest counts.
    ran = gan_train(*arguments, "--steps", "7", "--keep", "last=1,best=generator.learning_rate:max")
    assert ran.code == 0, ran.err
    assert steps() == [2, 7]
