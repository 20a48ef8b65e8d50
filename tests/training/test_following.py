"""Runs followed from outside: every saved generator once, until the end; the best kept whole whatever happens."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_core.errors import StorageError
from gan_core.storage import Folder, LocalFolder, open_folder
from gan_train.recipe.base import GENERATOR
from gan_train.runs.layout import BEST, STATUS, networks
from gan_train.runs.run_folder import write_status
from gan_train.scoring import best
from gan_train.scoring.best import best_of, commit_best, keep_best
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.scores import Scored, add_scored, read_scores
from gan_train.scoring.watching import saved_until_ended
from tests.support.fake_storage import BUCKET, FakeStorage
from tests.support.runs import gan_train

PROTOCOL = Protocol("digits-classifier", "ab", "none", "cd34", "train", 60, 60, 0, "as trained", 1)


def scored(step: int, fid: float, reals: int = 60) -> Scored:
    return Scored(replace(PROTOCOL, step=step, reals=reals), {"fid": fid})


def save_generator(run: LocalFolder, step: int) -> None:
    run.write(networks(GENERATOR).name(step), f"generator {step}".encode())


@pytest.fixture
def run(tmp_path: Path) -> LocalFolder:
    """A run that trains in this process and has saved nothing yet."""
    folder = LocalFolder(os.fspath(tmp_path))
    folder.write("recipe.yaml", b"")
    write_status(folder, "training", 0, 30)
    return folder


def test_each_saved_generator_is_told_once_and_the_end_only_after_the_last(run: LocalFolder) -> None:
    """The run goes on while the follower waits: it saves one, saves two at once, ends and saves its last in one go."""
    happenings = [[10], [], [15, 20], [30]]

    def wait() -> None:
        for step in (saved := happenings.pop(0)):
            save_generator(run, step)
        if saved == [30]:
            write_status(run, "finished", 30, 30)

    assert list(saved_until_ended(run, wait)) == [10, 15, 20, 30]
    assert not happenings


def test_a_run_that_died_ends_the_watch(run: LocalFolder, notices: list[str]) -> None:
    status = json.loads(run.read(STATUS))
    run.write(STATUS, json.dumps(status | {"pid": 2**22 + 1}).encode())
    save_generator(run, 10)
    assert list(saved_until_ended(run, lambda: pytest.fail("nothing to wait for"))) == [10]
    assert any("gone without having finished" in notice for notice in notices)


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 100), st.sampled_from([60, 90])), min_size=1, max_size=12))
def test_the_best_is_the_lowest_fid_of_the_newest_yardstick(rows: list[tuple[int, float, int]]) -> None:
    all_scored = [scored(step, fid, reals) for step, fid, reals in rows]
    best = best_of(all_scored, all_scored[-1], "fid")
    alike = [one for one in all_scored if one.protocol.reals == all_scored[-1].protocol.reals]
    assert best in alike
    assert best.values["fid"] == min(one.values["fid"] for one in alike)


class FailsAt(LocalFolder):
    """Refuses the nth write."""

    def __init__(self, path: str, last: int) -> None:
        super().__init__(path)
        self.left = last

    def write(self, name: str, content: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            raise StorageError("no space left")
        super().write(name, content)


@pytest.mark.parametrize("writes", [0, 1])
def test_best_json_names_a_whole_file_at_every_moment(run: LocalFolder, writes: int) -> None:
    for step in (10, 20):
        save_generator(run, step)
    commit_best(run, scored(10, 5.0), "fid")
    with pytest.raises(StorageError):
        commit_best(FailsAt(os.fspath(run.path), writes), scored(20, 4.0), "fid")
    best = json.loads(run.read(BEST))
    assert (best["value"], run.read(best["model"])) == (5.0, b"generator 10")
    commit_best(run, scored(20, 4.0), "fid")
    best = json.loads(run.read(BEST))
    assert (best["value"], run.read(best["model"])) == (4.0, b"generator 20")
    assert run.names("best/") == [BEST, best["model"]]


def test_a_best_that_is_kept_already_is_not_written_again(run: LocalFolder) -> None:
    save_generator(run, 10)
    name = commit_best(run, scored(10, 5.0), "fid")
    before = (run.path / name).stat().st_mtime_ns
    assert commit_best(FailsAt(os.fspath(run.path), 0), scored(10, 5.0), "fid") == name
    assert (run.path / name).stat().st_mtime_ns == before


def test_scores_are_read_as_they_were_written_and_damage_is_named(run: LocalFolder) -> None:
    written = [scored(10, 5.0), scored(20, 0.25)]
    for one in written:
        add_scored(run, one)
    assert read_scores(run) == written
    (run.path / "scores.jsonl").write_bytes(run.read("scores.jsonl")[:-20])
    with pytest.raises(Exception, match=r"scores\.jsonl: line 2 is damaged \(.*\); remove it from the file"):
        read_scores(run)


def test_the_best_of_two_evaluators_at_once_is_kept(run: LocalFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one scores a better step and commits it, just before the first commits its own."""
    for step in (10, 20):
        save_generator(run, step)
    commit = best.commit_best
    others = [scored(20, 4.0)]

    def overtaken(run: Folder, found: Scored, score: str) -> str:
        if others:
            add_scored(run, other := others.pop())
            commit(run, other, score)
        return commit(run, found, score)

    monkeypatch.setattr(best, "commit_best", overtaken)
    add_scored(run, scored(10, 5.0))
    keep_best(run, scored(10, 5.0), "fid")
    assert json.loads(run.read(BEST))["protocol"]["step"] == 20
    assert run.names("best/") == [BEST, "best/generator-step-00000020.keras"]


@pytest.mark.alone
def test_a_run_on_gs_is_scored_there(fake: FakeStorage, trained: Path, digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANMILL_CACHE", f"gs://{BUCKET}/cache")
    cloud = open_folder(f"gs://{BUCKET}/run")
    for path in sorted(trained.rglob("*")):
        if path.is_file() and ".work" not in path.parts:
            cloud.write(str(path.relative_to(trained)), path.read_bytes())
    ran = gan_train("evaluate", f"gs://{BUCKET}/run", "--data", digits, "--watch", "-n", "40")
    assert ran.code == 0, ran.err
    assert [one.protocol.step for one in read_scores(cloud)] == [3, 6]
    assert json.loads(cloud.read(BEST))["model"] in cloud.names("best/")
    assert len(cloud.names("scores/")) == 2
    assert any(name.startswith("cache/reals-") for name in fake.objects)
