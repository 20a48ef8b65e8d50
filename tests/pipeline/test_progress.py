"""The progress of a running job, read from the folder it writes."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from gan_core.notices import shown
from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import Shard
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.preparing import shard_progress as progress
from gan_pipeline.preparing.shard_progress import Heartbeat, State, Watch, describe, shard_progress
from gan_pipeline.preparing.shard_writer import ShardRecord, Tally, write_shard_record
from tests.support.datasets import run_cli, write_files
from tests.support.image_files import encoded, noise

TASKS = [ShardTask("train", index, 3, tuple(range(100))) for index in range(3)]
MB = 1 << 20


def record(task: ShardTask, kept: int) -> ShardRecord:
    return ShardRecord(shard=Shard(file=task.file, examples=kept, bytes=1, sha256="0" * 64), read=100, contents="0" * 64)


def test_a_job_is_its_records_and_what_workers_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_WORKER_SECONDS", 0.0)
    folder, watch = open_folder(tmp_path), Watch(open_folder(tmp_path), TASKS)
    assert (watch.state().done, watch.state().read) == (0, 0)
    write_shard_record(folder, TASKS[0], record(TASKS[0], 90))
    Heartbeat(folder, TASKS[1])(Tally(read=40, kept=30))
    now = watch.state()
    assert (now.done, now.read, now.kept) == (1, 140, 120)
    assert now.memory > 10 * MB
    write_shard_record(folder, TASKS[1], record(TASKS[1], 80))
    now = watch.state()
    assert (now.done, now.read, now.kept) == (2, 200, 170)


def test_what_an_earlier_run_noted_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_WORKER_SECONDS", 0.0)
    folder, watch = open_folder(tmp_path), Watch(open_folder(tmp_path), TASKS)
    Heartbeat(folder, TASKS[1])(Tally(read=40, kept=30))
    watch.clear()
    assert watch.state().read == 0


def test_a_worker_does_not_note_every_input(tmp_path: Path) -> None:
    Heartbeat(open_folder(tmp_path), TASKS[0])(Tally(read=1, kept=1))
    assert not list(tmp_path.iterdir())


def test_the_line_says_what_one_wants_to_know() -> None:
    before, now = State(done=1, read=1000, kept=900, memory=0), State(done=3, read=4000, kept=3600, memory=250 * MB)
    line = describe(now, before, shards=8, inputs=10_000, seconds=60)
    assert str(line) == "3/8 shards | 50 images/s | 3,600 kept | 400 dropped | 250 MB a worker | 0:02:00 left"
    assert describe(before, before, 8, 10_000, 60).left == "time left unknown"
    done = describe(State(done=8, read=10_000, kept=9_000, memory=250 * MB), before, 8, 10_000, 90)
    assert (done.done, done.left) == ("8/8 shards", "0:01:30 taken")


def test_without_a_terminal_it_is_a_plain_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = open_folder(tmp_path)
    with shown(), shard_progress(folder, TASKS):
        for task in TASKS:
            write_shard_record(folder, task, record(task, 100))
    assert capsys.readouterr().err.startswith("3/3 shards | ")


@pytest.mark.parametrize("options", [("--dedupe", "near"), ("--bit-depth", "auto")])
def test_what_is_decoded_before_anything_is_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str]
) -> None:
    source = write_files(tmp_path / "in", {f"{n}.png": encoded(noise(n)) for n in range(3)})
    # Every look at the clock is a minute later, so that each plain line is due.
    monkeypatch.setattr("gan_core.progress.time", SimpleNamespace(monotonic=itertools.count(0, 60).__next__))
    ran = run_cli("prepare", "images", "--source", source, "-o", tmp_path / "out", "--dry-run", *options)
    assert ran.code == 0, ran.err
    first, *lines = ran.err.splitlines()
    assert first == f"{' '.join(options)}: every image is decoded once before anything is written"
    assert [line.split(" | ")[0] for line in lines] == ["1/3 images", "2/3 images", "3/3 images"]
