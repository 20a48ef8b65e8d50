"""A process may die, or its disk fill up, at any step of its writing: what was committed stays, and the run goes on."""

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from gan_core.errors import StorageError
from gan_core.storage import Folder, LocalFolder, open_folder
from gan_train.logs.event_file import EventFile
from gan_train.logs.metrics_writer import MetricsWriter
from gan_train.runs.checkpoint import named_variables, remove_all_but, remove_uncommitted, restore_checkpoint, save_checkpoint
from gan_train.runs.layout import RECIPE, committed_steps
from gan_train.runs.retention import Keep, kept_steps
from gan_train.systems.base import System
from gan_train.testing import build
from tests.support.killable import changes_storage
from tests.support.runs import assert_same_checkpoint, gan_train, small_recipe

DIGEST = "0" * 64
KEEP = Keep(last=2)


class DeadError(BaseException):
    """No error a program may answer: its process is no more."""


class MortalStorage:
    """Counts the steps that change a folder. From the `last` one on it changes no more, whatever is tried.

    That is what a kill leaves: `finally` and `except` still run here, but they change nothing either.
    """

    def __init__(self) -> None:
        self.watching, self.steps, self.last = "", [""], sys.maxsize
        # Python reports every file operation here before it happens. A hook cannot be taken back, hence the switch.
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.watching or event not in ("open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"):
            return
        place, self.watching = self.watching, ""
        try:
            changes = changes_storage(event, args, place)
        finally:
            self.watching = place
        if changes:
            self.steps.append(event)
            if len(self.steps) > self.last:
                raise DeadError

    @contextmanager
    def until(self, last: int, folder: Path) -> Iterator[None]:
        """Let `last` steps happen while the block runs, in the name of a process that has ended by now."""
        ended = subprocess.Popen(["true"])
        ended.wait()
        self.watching, self.steps, self.last = str(folder), [], last
        try:
            with mock.patch("os.getpid", return_value=ended.pid):
                yield
        finally:
            self.watching = ""


@pytest.fixture(scope="module")
def storage() -> MortalStorage:
    return MortalStorage()


@pytest.fixture(scope="module")
def system() -> System:
    return build(small_recipe("mnist-dcgan"))[0]


def set_to(system: System, value: float) -> None:
    for variable in named_variables(system).values():
        variable.assign(np.full(variable.shape, value))


def values(system: System) -> set[float]:
    return {float(value) for variable in named_variables(system).values() for value in np.unique(variable.numpy())}


def checkpoint_cycle(run: Folder, system: System, step: int) -> None:
    """Save and clean up as the trainer does at a checkpoint, with a state that tells its step."""
    set_to(system, step)
    save_checkpoint(run, system, step, DIGEST)
    remove_all_but(run, kept_steps(committed_steps(run), [], KEEP))


def resumed_step(run: LocalFolder, system: System) -> int:
    """Where the next process continues; every complete checkpoint on the way is read, checked and compared."""
    remove_uncommitted(run)
    for step in committed_steps(run):
        restore_checkpoint(run, system, step, DIGEST)
        assert values(system) == {step}
    return committed_steps(run)[-1]


def files(place: Path) -> dict[str, bytes]:
    """All but empty folders, which no reader of a run looks at."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def with_two_checkpoints(place: Path, system: System) -> LocalFolder:
    run = LocalFolder(str(place))
    run.write(RECIPE, b"name: mnist-dcgan")
    for step in (1, 2):
        checkpoint_cycle(run, system, step)
    return run


def test_every_single_step_of_a_checkpoint_is_a_safe_place_to_die(
    storage: MortalStorage, system: System, tmp_path: Path
) -> None:
    """From the first temporary file of the third checkpoint to the removal of the first: dead before each step in turn."""
    whole = with_two_checkpoints(tmp_path / "whole", system)
    with storage.until(sys.maxsize, tmp_path / "whole"):
        checkpoint_cycle(whole, system, 3)
    steps = list(storage.steps)
    assert {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"} == set(steps)
    assert committed_steps(whole) == [2, 3]
    resumed: list[int] = []
    for last in range(len(steps)):
        place = tmp_path / str(last)
        run = with_two_checkpoints(place, system)
        with storage.until(last, place), pytest.raises(DeadError):
            checkpoint_cycle(run, system, 3)
        resumed.append(resumed_step(run, system))
        checkpoint_cycle(run, system, 3)
        assert files(place) == files(tmp_path / "whole"), f"dead before step {last}, {steps[last]}"
    assert set(resumed) == {2, 3} and resumed == sorted(resumed)


@contextmanager
def full_disk(is_met: Callable[..., bool], at: Any, name: str) -> Iterator[None]:
    """From the first call of a function for which `is_met` holds, the kernel lets no file grow beyond ten bytes."""
    whole, (_, hard) = getattr(at, name), resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_up(*args: Any) -> Any:
        if is_met(*args):
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        return whole(*args)

    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    try:
        with mock.patch.object(at, name, fill_up):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.parametrize("file", ["variables.safetensors", "state.json", "COMMIT"])
def test_a_full_disk_leaves_the_older_checkpoints_whole(file: str, system: System, tmp_path: Path) -> None:
    run = with_two_checkpoints(tmp_path / "run", system)
    with (
        full_disk(lambda _, name: name.endswith(file), LocalFolder, "create"),
        pytest.raises(StorageError, match="no space left"),
    ):
        checkpoint_cycle(run, system, 3)
    assert committed_steps(run) == [1, 2]
    assert resumed_step(run, system) == 2
    checkpoint_cycle(run, system, 3)
    assert committed_steps(run) == [2, 3]


FILES = (
    "latents.npz",
    "status.json",
    "reals.png",
    "samples/step-00000004.png",
    "models/generator-step-00000004.keras",
    "losses.png",
    "checkpoints/step-00000004/variables.safetensors",
)


def test_a_disk_that_fills_up_at_any_file_of_a_run_is_said_so_and_the_run_goes_on(points: Path, tmp_path: Path) -> None:
    """Exit 5 at one file after the other, in one folder; in the end it holds what an undisturbed one holds."""
    whole, out = tmp_path / "whole", tmp_path / "run"
    keys = ("batch_size=16", "sample_images=9", "steps_per_call=2", "checkpoint_every=2", "snapshot_every=4", "steps=4")
    options = [part for key in keys for part in ("--set", key)]

    def train(place: Path) -> tuple[int, str]:
        ran = gan_train("run", "curve-gan", "--data", points, "-o", place, *options)
        return ran.code, ran.err

    assert train(whole)[0] == 0
    for file in FILES:
        with full_disk(lambda _, name, file=file: name == file, LocalFolder, "create"):
            code, said = train(out)
        assert code == 5, (file, said)
        assert "no space left" in said and "Traceback" not in said
    for log, name in ((MetricsWriter, "metrics.jsonl"), (EventFile, "tensorboard")):
        with full_disk(lambda *_: True, log, "flush"):
            code, said = train(out)
        assert code == 5 and name in said and "no space left" in said and "Traceback" not in said
    assert committed_steps(open_folder(out)) == [2]
    assert train(out)[0] == 0
    assert_same_checkpoint(whole, out, 4)
    assert (whole / "samples/step-00000004.png").read_bytes() == (out / "samples/step-00000004.png").read_bytes()
