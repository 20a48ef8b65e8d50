"""Two runs into one folder at the same moment: one dataset comes out of it, never a mixture."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_core.storage import CloudFolder, Folder, LocalFolder, open_folder
from tests.support.commands import Ran
from tests.support.datasets import GAN_PIPELINE, prepare, run_cli, tree

OPTIONS = ("--limit", "20", "--shards", "2")


def run(out: str, seed: str) -> Ran:
    return run_cli("prepare", "mnist", "--source", "sample", *OPTIONS, "--seed", seed, "-o", out)


def content(uri: str) -> dict[str, bytes]:
    folder = open_folder(uri)
    return {name: folder.read(name) for name in folder.names()}


@pytest.fixture(params=["disk", "gs"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "disk":
        return str(tmp_path / "out")
    bucket: str = request.getfixturevalue("bucket")
    return f"{bucket}/{tmp_path.name}"


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, dict[str, bytes]]:
    """The dataset of each seed when no other process disturbs."""
    for seed in ("0", "1"):
        prepare(tmp_path / "alone" / seed, *OPTIONS, "--seed", seed)
    return {seed: tree(tmp_path / "alone" / seed) for seed in ("0", "1")}


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen between a run's look at the folder and its claim to it, once."""

    def arrange(happen: Callable[[], object]) -> None:
        pending = [happen]
        for kind in (LocalFolder, CloudFolder):
            write_new = kind.write_new

            def late(self: Folder, name: str, content: bytes, write_new: Callable[..., bool] = write_new) -> bool:
                if pending:
                    pending.pop()()
                return write_new(self, name, content)

            monkeypatch.setattr(kind, "write_new", late)

    return arrange


def test_another_run_that_finishes_in_between(
    out: str, whole: dict[str, dict[str, bytes]], meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    others: list[Ran] = []
    meanwhile(lambda: others.append(run(out, "1")))
    ran = run(out, "0")
    assert [other.code for other in others] == [0]
    assert (ran.code, "is finished with seed=1, now asked for seed=0" in ran.err) == (2, True), ran.err
    assert content(out) == whole["1"]
    assert run(out, "1").out.startswith("already done")


def test_another_run_that_is_still_at_work(
    out: str,
    whole: dict[str, dict[str, bytes]],
    meanwhile: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def begin_and_stop() -> None:
        with monkeypatch.context() as patch:
            patch.setattr("gan_pipeline.preparing.prepare.commit", _interrupted)
            with pytest.raises(_InterruptedError):
                run(out, "1")

    meanwhile(begin_and_stop)
    ran = run(out, "0")
    assert (ran.code, f"{out}: was left half-written with seed=1, now asked for seed=0" in ran.err) == (2, True), ran.err
    assert run(out, "1").code == 0
    assert content(out) == whole["1"]


class _InterruptedError(Exception):
    pass


def _interrupted(*arguments: object) -> None:
    raise _InterruptedError


def two_at_once(out: Path, seeds: tuple[str, str]) -> list[Ran]:
    command = [GAN_PIPELINE, "prepare", "mnist", "--source", "sample", *OPTIONS, "-o", str(out), "--seed"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*command, seed], **pipes) for seed in seeds]
    answers = [process.communicate() for process in processes]
    return [Ran(process.returncode, *answer) for process, answer in zip(processes, answers, strict=True)]


def test_two_processes_that_want_different_datasets(tmp_path: Path, whole: dict[str, dict[str, bytes]]) -> None:
    out = tmp_path / "out"
    ran = two_at_once(out, ("0", "1"))
    assert sorted(one.code for one in ran) == [0, 2], ran
    winner = 0 if ran[0].code == 0 else 1
    assert f"with seed={winner}, now asked for seed={1 - winner}" in ran[1 - winner].err
    assert tree(out) == whole[str(winner)]


def test_two_processes_that_want_the_same_dataset(tmp_path: Path, whole: dict[str, dict[str, bytes]]) -> None:
    """They may get in each other's way and say so, but what they leave is the dataset, or goes on to be it."""
    out = tmp_path / "out"
    ran = two_at_once(out, ("0", "0"))
    assert all("Traceback" not in one.err for one in ran)
    assert run(str(out), "0").code == 0
    assert tree(out) == whole["0"]
