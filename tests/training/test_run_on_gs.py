"""gan-train run and sample on gs://: as on a local folder, through outages, refusals, kills and a second process."""

import json
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_core.storage import open_folder
from gan_train.logs.metrics_writer import MetricsWriter
from gan_train.runs import lease, uploader
from gan_train.runs.layout import STATE, VARIABLES
from tests.support.commands import Ran
from tests.support.fake_storage import BUCKET, Answer, FakeStorage, Request, refusal, refuse
from tests.support.runs import SMALL, gan_train, gan_train_child, trained_numbers

pytestmark = pytest.mark.alone

RUN = f"gs://{BUCKET}/run"
DENIED = refusal(403, "trainer@x does not have access. Permission 'storage.objects.create' denied.")

Serve = Callable[[Request], Answer]


def arguments(digits: Path, *more: str) -> tuple[str | Path, ...]:
    """The command that made the `trained` run, with its output on gs://."""
    schedule = ("--steps", "6", "--set", "snapshot_every=3", "--set", "checkpoint_every=2")
    return ("run", "mnist-dcgan", "--data", digits, "-o", RUN, *SMALL, *schedule, *more)


def train(digits: Path, *more: str) -> Ran:
    return gan_train(*arguments(digits, *more))


def files(fake: FakeStorage) -> dict[str, bytes]:
    return {name.removeprefix("run/"): stored.content for name, stored in fake.objects.items()}


def assert_as_local(fake: FakeStorage, local: Path) -> None:
    """The bucket holds what a run that nothing disturbed leaves in a local folder, bit for bit but for times and speeds."""
    found = files(fake)
    expected = {str(path.relative_to(local)): path for path in local.rglob("*") if path.is_file()}
    events = {name for name in {*found, *expected} if name.startswith("tensorboard/")}
    assert found.keys() - events == {name for name in expected if not name.startswith(".work/")} - events
    for name in found.keys() - events:
        if name.startswith(("checkpoints/", "samples/")) or name in ("latents.npz", "reals.png", "recipe.yaml"):
            assert found[name] == expected[name].read_bytes(), name
    assert trained_numbers(found["metrics.jsonl"]) == trained_numbers(expected["metrics.jsonl"].read_bytes())
    assert json.loads(found["status.json"])["state"] == "finished"
    assert events & found.keys()


def assert_whole(fake: FakeStorage) -> list[int]:
    """No COMMIT without the files it speaks of; the steps of all."""
    found = files(fake)
    commits = [name for name in found if name.endswith("/COMMIT")]
    for name in commits:
        assert all(name.replace("COMMIT", file) in found for file in (VARIABLES, STATE))
    return sorted(int(name.split("-")[1][:8]) for name in commits)


def mirrors(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache").glob("*"))


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, act: Callable[[], object]) -> None:
    """Do something when that step is logged."""
    add = MetricsWriter.write_row

    def add_and_act(self: MetricsWriter, row: dict[str, float]) -> None:
        add(self, row)
        if row["step"] == step:
            act()

    monkeypatch.setattr(MetricsWriter, "write_row", add_and_act)


def changes(request: Request) -> bool:
    return request.method != "GET"


def test_a_run_on_gs_is_as_a_local_one(fake: FakeStorage, digits: Path, trained: Path, tmp_path: Path) -> None:
    ran = train(digits)
    assert ran.code == 0, ran.err
    assert_as_local(fake, trained)
    assert f"done: step 6 in {RUN}" in ran.out
    assert f"{RUN}/samples/step-00000006.png" in ran.out
    assert not mirrors(tmp_path)

    fake.requests.clear()
    again = train(digits)
    assert (again.code, f"already done: {RUN} is at step 6" in again.out) == (0, True)
    assert f"{RUN}/samples/step-00000006.png" in again.out
    plan = gan_train(*arguments(digits, "--steps", "8"), "--dry-run", "--json")
    assert (plan.code, json.loads(plan.out)["from_step"]) == (0, 6)
    refused = train(digits, "--set", "seed=1")
    assert (refused.code, f"{RUN}: made with another recipe (seed: 0 -> 1)" in refused.err) == (2, True)
    assert not any(map(changes, fake.requests))

    sampled = gan_train("sample", RUN, "-o", f"gs://{BUCKET}/grid.png", "--json")
    assert sampled.code == 0, sampled.err
    assert gan_train("sample", trained, "-o", tmp_path / "grid.png").code == 0
    assert gan_train("sample", RUN, "-o", f"gs://{BUCKET}/images", "--seeds", "1,2").code == 0
    assert {"grid.png", "images/seed-1.png", "images/seed-2.png"} <= fake.objects.keys()


def test_dry_run_on_gs_writes_nothing(fake: FakeStorage, digits: Path) -> None:
    ran = train(digits, "--dry-run")
    assert (ran.code, RUN in ran.out) == (0, True), ran.err
    assert not any(map(changes, fake.requests))


def test_killed_while_a_checkpoint_goes_up(fake: FakeStorage, digits: Path, trained: Path) -> None:
    """kill -9 when the second COMMIT arrives; the same command continues from the first, and removes what is too old."""
    told: list[int] = []

    def kill(request: Request, serve: Serve) -> Answer | None:
        if request.kind == "POST multipart" and b"step-00000004/COMMIT" in request.body and not told:
            told.append(json.loads(fake.objects["run/status.json"].content)["pid"])
            os.kill(told[0], signal.SIGKILL)
            return None
        return serve(request)

    fake.always = kill
    killed = gan_train_child(*arguments(digits))
    assert killed.code == -signal.SIGKILL
    assert assert_whole(fake) == [2]
    assert "run/checkpoints/step-00000004/state.json" in fake.objects
    ran = train(digits)
    assert ran.code == 0, ran.err
    assert "waiting" not in ran.err
    assert_as_local(fake, trained)
    assert len([name for name in fake.objects if name.startswith("run/tensorboard/")]) == 2


def test_sigterm_commits_in_the_bucket(fake: FakeStorage, digits: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        at_step(patch, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
        ran = train(digits)
    assert ran.code == 75, ran.err
    assert f"{RUN}: stopped by SIGTERM at step 2 of 6, checkpoint committed" in ran.err
    assert assert_whole(fake) == [2]
    assert json.loads(fake.objects["run/status.json"].content)["state"] == "interrupted"
    assert f"run/{lease.LEASE}" not in fake.objects
    assert train(digits).code == 0
    assert_as_local(fake, trained)


def test_an_outage_from_the_first_step_to_the_end_costs_nothing(
    fake: FakeStorage, digits: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage answers nothing while the run trains, and comes back when it waits for the uploads."""
    monkeypatch.setattr(uploader, "ATTEMPT_SECONDS", 0.3)
    monkeypatch.setattr(uploader, "FIRST_MESSAGE_SECONDS", 0.0)
    back, said = threading.Event(), []

    def away(request: Request, serve: Serve) -> Answer:
        return serve(request) if back.is_set() else refusal(503, "Backend Error")

    def go() -> None:
        fake.always = away

    say = uploader.Uploader._say

    def hear(self: uploader.Uploader, words: str) -> None:
        say(self, words)
        said.append(words)
        if "waiting for" in words and "does not answer" in words:
            back.set()

    monkeypatch.setattr(uploader, "MESSAGE_SECONDS", 0.2)
    monkeypatch.setattr(uploader.Uploader, "_say", hear)
    at_step(monkeypatch, 1, go)
    ran = train(digits)
    assert ran.code == 0, ran.err
    assert_as_local(fake, trained)
    assert any("uploads wait in" in words and "503" in words for words in said), said
    assert any("the storage answers again" in words for words in said)
    assert not mirrors(tmp_path)


def test_an_outage_that_does_not_end(
    fake: FakeStorage, digits: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 5, the mirror is named and holds what is missing; when the storage is back the same command goes on."""
    monkeypatch.setenv("GANMILL_STORAGE_TIMEOUT", "0.5")

    def go() -> None:
        fake.always = refuse(503, "Backend Error")

    with monkeypatch.context() as patch:
        at_step(patch, 3, go)
        ran = train(digits)
    (mirror,) = mirrors(tmp_path)
    assert (ran.code, str(mirror) in ran.err, f"gcloud storage rsync -r {mirror} {RUN}" in ran.err) == (5, True, True), ran.err
    assert (mirror / "checkpoints" / "step-00000006" / "COMMIT").exists()
    fake.always = None
    assert 6 not in assert_whole(fake)
    again = train(digits)
    assert again.code == 0, again.err
    assert_as_local(fake, trained)


def test_a_refusal_ends_the_run_long_before_its_end(
    fake: FakeStorage, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights that are withdrawn at step 2: a checkpoint of the step it came to is kept here, and named."""

    def withdraw() -> None:
        fake.always = lambda request, serve: DENIED if changes(request) else serve(request)

    at_step(monkeypatch, 2, withdraw)
    ran = train(digits, "--steps", "10000", "--set", "steps_per_call=1")
    (mirror,) = mirrors(tmp_path)
    assert (ran.code, "storage.objects.create is missing" in ran.err, str(mirror) in ran.err) == (5, True, True), ran.err
    stopped = re.search(r"stopped by an upload that was refused at step (\d+) of 10000, checkpoint committed", ran.err)
    assert stopped and int(stopped[1]) < 10000
    assert (mirror / "checkpoints" / f"step-{int(stopped[1]):08d}" / "COMMIT").exists()


def test_no_rights_or_no_bucket_is_found_before_training(fake: FakeStorage, digits: Path, tmp_path: Path) -> None:
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", "gs://absent/run", *SMALL)
    assert (ran.code, "gs://absent/run" in ran.err, "no such bucket" in ran.err) == (5, True, True), ran.err
    fake.always = lambda request, serve: DENIED if changes(request) else serve(request)
    ran = train(digits)
    assert (ran.code, "storage.objects.create is missing" in ran.err) == (5, True), ran.err
    assert not fake.objects
    assert not mirrors(tmp_path)


def test_a_second_process_is_refused(fake: FakeStorage, digits: Path) -> None:
    """The lease of another machine changes while it is watched."""
    folder = open_folder(RUN)
    folder.write(lease.LEASE, b'{"token": "a", "host": "elsewhere", "pid": 7, "machine": "another", "renewals": 1}')

    def renew(request: Request, serve: Serve) -> Answer:
        if request.kind == "GET list" and lease.LEASE in request.query.get("prefix", ""):
            fake.put(f"run/{lease.LEASE}", b"renewed")
        return serve(request)

    fake.always = renew
    ran = train(digits)
    assert ran.code == 2
    assert f"{RUN}: another process trains in this folder (elsewhere, process 7); wait for it or choose another -o" in ran.err
    assert [name for name in fake.objects if "lease" not in name] == []
