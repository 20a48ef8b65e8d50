"""gan-train watch: where a run stands, in words and by exit code, from its folder alone."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from gan_core.errors import DataError
from gan_core.storage import CloudFolder, LocalFolder, open_folder
from gan_train.logs import watch
from gan_train.logs.metrics_log import last_rows, read_metrics
from gan_train.logs.watch import Standing, follow, read_standing
from gan_train.logs.watch_view import lines, table
from gan_train.runs.layout import METRICS, STATUS, committed_steps, step_name
from gan_train.runs.lease import LEASE
from gan_train.runs.run_folder import write_status
from tests.support.runs import SMALL, gan_train


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def set_status(run: Path, **changes: object) -> None:
    status = json.loads((run / STATUS).read_text())
    (run / STATUS).write_text(json.dumps(status | changes))


def names_and_times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_finished_run(trained: Path) -> None:
    before = names_and_times(trained)
    ran = gan_train("watch", trained)
    assert (ran.code, ran.err) == (0, "")
    said = ran.out.splitlines()
    assert said[0] == f"{trained}: finished, reached its last step"
    assert said[1].startswith("step 6/6 | loss d_real ") and said[1].endswith("MB | 0:00:00 left")
    assert said[2] == "quality: not measured; 'gan-train evaluate' scores the images."
    assert said[3] == f"newest samples: {trained}/samples/step-00000006.png"
    assert said[4] == f"newest checkpoint: {trained}/checkpoints/{step_name(committed_steps(open_folder(trained))[-1])}"
    assert names_and_times(trained) == before


def test_the_progress_line_and_watch_say_the_same(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    ran = gan_train("run", "mnist-gan", "--data", digits, "-o", out, *SMALL, "--steps", "2")
    assert ran.err.splitlines()[-1] == gan_train("watch", out, "--once").out.splitlines()[1]


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("training", 0, "by process {own}"),
        ("interrupted", 75, "run the same command again"),
        ("diverged", 4, "not finite"),
        ("failed", 4, "with --on-failure warn the same command goes on"),
        ("finished", 0, "last step"),
    ],
)
def test_states_have_their_words_and_exit_codes(run: Path, state: str, code: int, words: str) -> None:
    write_status(open_folder(run), state, 6, 12)
    ran = gan_train("watch", run, "--once")
    assert ran.code == code
    assert f": {state}, " in ran.out and words.format(own=os.getpid()) in ran.out and "step 6/12" in ran.out
    answer = json.loads(gan_train("watch", run, "--once", "--json").out)
    assert (answer["state"], answer["step"], answer["steps"]) == (state, 6, 12)
    assert answer["metrics"] == json.loads((run / METRICS).read_text().splitlines()[-1])
    assert answer["samples"] == "samples/step-00000006.png"
    assert answer["checkpoint"] == "checkpoints/step-00000006"
    assert answer["seconds_left"] > 0


STARTED = "from gan_core.storage import open_folder; from gan_train.runs.run_folder import write_status; import sys\n"
TRAINING = STARTED + "write_status(open_folder(sys.argv[1]), 'training', 6, 12)"


def test_an_error_is_told_with_its_exit_code(run: Path) -> None:
    write_status(open_folder(run), "error", 6, 12, DataError("shard 3: damaged; prepare it again"))
    ran = gan_train("watch", run)
    assert ran.code == 3 and f"{run}: error, shard 3: damaged; prepare it again" in ran.out and "step 6/12" in ran.out
    status = json.loads((run / STATUS).read_text())
    del status["exit_code"]
    (run / STATUS).write_text(json.dumps(status))
    assert gan_train("watch", run).err.endswith(
        "status.json: damaged (an error without its exit code); it is written again when the run goes on\n"
    )


def test_a_run_whose_process_is_gone(run: Path) -> None:
    """Also while nobody has collected the dead process."""
    process = subprocess.Popen([sys.executable, "-c", TRAINING, str(run)])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    uncollected = gan_train("watch", run)
    assert process.wait() == 0
    gone = gan_train("watch", run)
    assert uncollected == gone
    assert gone.code == 75
    assert f"died, process {process.pid} on " in gone.out and "run the same command again to continue" in gone.out


def test_a_process_number_that_was_given_to_another(run: Path) -> None:
    write_status(open_folder(run), "training", 6, 12)
    set_status(run, time=0)
    assert ": died, " in gan_train("watch", run, "--once").out


def test_a_run_on_another_machine_may_live(run: Path) -> None:
    write_status(open_folder(run), "training", 6, 12)
    set_status(run, host="elsewhere", pid=2**22 + 1)
    ran = gan_train("watch", run, "--once")
    assert ran.code == 0
    assert ": training, by process 4194305 on elsewhere, which wrote status.json 0:00:0" in ran.out


def test_a_run_that_was_only_claimed(run: Path) -> None:
    for path in run.iterdir():
        if path.name not in ("recipe.yaml", "run.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    ran = gan_train("watch", run, "--once")
    unmeasured = "quality: not measured; 'gan-train evaluate' scores the images."
    assert (ran.code, ran.out) == (0, f"{run}: starting, claimed, no step trained yet\n{unmeasured}\n")


@pytest.mark.parametrize("options", [(), ("--once",), ("--json",)])
def test_no_run_here_yet(tmp_path: Path, options: tuple[str, ...]) -> None:
    ran = gan_train("watch", tmp_path / "nothing", *options)
    assert (ran.code, ran.out) == (3, "")
    assert "no run here yet" in ran.err and "gan-train run" in ran.err


@pytest.mark.parametrize(("name", "content"), [(STATUS, b"{"), (STATUS, b"[]"), (STATUS, b"{}"), (METRICS, b"{\n")])
def test_damaged_files_are_named(run: Path, name: str, content: bytes) -> None:
    (run / name).write_bytes(content)
    ran = gan_train("watch", run)
    assert (ran.code, ran.out) == (3, "")
    assert name in ran.err and "damaged" in ran.err


def test_following_shows_what_is_new_until_the_run_ends(run: Path) -> None:
    """One moment of the run after another; the watcher looks once in each."""
    log = (run / METRICS).read_bytes().splitlines(keepends=True)
    folder = open_folder(run)

    def moment(rows: int, state: str) -> None:
        (run / METRICS).write_bytes(b"".join(log[:rows]) + b'{"step": 7, "half')
        write_status(folder, state, 6, 6)

    moments = iter([(5, "training"), (5, "training"), (6, "finished")])
    moment(4, "training")
    shown: list[Standing] = []
    ended = follow(lambda: read_standing(folder), shown.append, lambda: moment(*next(moments)))
    assert next(moments, None) is None
    assert [standing.state for standing in shown] == ["training"] * 3 + ["finished"]
    assert shown[-1] is ended
    said = [lines(now, before) for now, before in zip(shown, [None, *shown], strict=False)]
    assert [len(words) for words in said] == [4, 1, 0, 2]
    assert said[1][0].startswith("step 5/6 | ") and said[3][0].endswith("finished, reached its last step")


def test_the_live_table_shows_everything(trained: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    console.print(table(read_standing(open_folder(trained))))
    shown = console.file.getvalue()
    for words in (
        "finished",
        "step 6/6",
        "loss",
        "d_real",
        "accuracy",
        "score",
        "images/s, input wait",
        "for snapshots",
        " MB",
    ):
        assert words in shown
    assert "samples/step-00000006.png" in shown and "checkpoints/step-00000006" in shown


def test_only_the_end_of_a_long_log_is_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = json.loads((run / METRICS).read_text().splitlines()[-1])
    with open(run / METRICS, "a") as log:
        log.writelines(json.dumps(row | {"step": step}) + "\n" for step in range(7, 3_000))
    folder = open_folder(run)
    whole = list(read_metrics(folder))
    read_range, reads = LocalFolder.read_range, []

    def counted(self: LocalFolder, name: str, start: int, size: int, version: str | None = None) -> bytes:
        reads.append(size)
        return read_range(self, name, start, size, version)

    monkeypatch.setattr(LocalFolder, "read_range", counted)
    monkeypatch.setattr(LocalFolder, "open_binary", None)
    tail = last_rows(folder)
    assert tail == whole[-len(tail) :] and len(tail) > 20
    assert reads == [1 << 16]


def test_a_run_on_gs_is_watched_as_a_local_one(trained: Path, bucket: str) -> None:
    there = open_folder(f"{bucket}/run")
    for path in trained.rglob("*"):
        if path.is_file():
            there.write(str(path.relative_to(trained)), path.read_bytes())
    local, remote = (gan_train("watch", run) for run in (trained, there.uri))
    assert remote.code == 0
    assert remote.out == local.out.replace(str(trained), there.uri)


LEASED = b'{"token": "a", "host": "elsewhere", "pid": 7, "machine": "another", "renewed": %f}'


def test_a_run_on_gs_that_lost_its_machine_has_died(trained: Path, bucket: str) -> None:
    """Its lease is gone, or was not renewed for long; of an earlier version's it cannot be told."""
    there = open_folder(f"{bucket}/run")
    for name in ("recipe.yaml", STATUS):
        there.write(name, (trained / name).read_bytes())
    write_status(there, "training", 6, 12)
    status = json.loads(there.read(STATUS)) | {"host": "elsewhere", "pid": 7}
    there.write(STATUS, json.dumps(status).encode())
    died = "died, process 7 on elsewhere no longer renews its lease: killed, or cut off; run the same command again"
    for leased, state, code in (
        (None, died, 75),
        (LEASED % time.time(), "training, by process 7 on elsewhere", 0),
        (LEASED % (time.time() - 601), died, 75),
        (LEASED.split(b', "renewed"')[0] + b"}", "training, by process 7 on elsewhere", 0),
    ):
        if leased:
            there.write(LEASE, leased)
        ran = gan_train("watch", there.uri, "--once")
        assert ran.code == code and f"{there.uri}: {state}" in ran.out


def test_a_run_on_gs_that_ends_while_it_is_looked_at(trained: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last status comes before its lease goes."""
    there = open_folder(f"{bucket}/run")
    there.write("recipe.yaml", (trained / "recipe.yaml").read_bytes())
    write_status(there, "training", 6, 12)

    def ends(run: CloudFolder) -> bool:
        write_status(run, "finished", 12, 12)
        return True

    monkeypatch.setattr(watch, "is_lost", ends)
    standing = read_standing(there)
    assert (standing.state, standing.step, standing.exit_code) == ("finished", 12, 0)


def test_tensorflow_is_not_needed(trained: Path) -> None:
    program = (
        f"import sys; sys.argv = ['gan-train', 'watch', {str(trained)!r}]\n"
        "from gan_train.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as ended: code = ended.code\n"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'google.cloud.storage', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout
