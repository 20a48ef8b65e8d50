"""A mirror against a storage that answers over HTTP: killed at every request, cut off, and taken over."""

import itertools
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from gan_core.errors import InterruptedRunError, StorageError, UsageError
from gan_core.interruption import Interruption
from gan_core.storage import CloudFolder
from gan_train.runs import lease
from gan_train.runs.lease import LEASE, take_lease
from gan_train.runs.mirror import mirrored
from tests.support import uploading
from tests.support.fake_storage import BUCKET, Answer, FakeStorage, Request

pytestmark = pytest.mark.alone

RUN = f"gs://{BUCKET}/run"
WHOLE = {
    "run/log": b"1\n2\n3\n",
    **{f"run/samples/{step}": b"sample %d" % step for step in (1, 2, 3)},
    **{f"run/3/{name}": f"{name} of 3".encode() for name in ("variables", "state", "COMMIT")},
}
OTHERS = b'{"token": "a", "host": "elsewhere", "pid": 7, "machine": "another", "renewals": %d}'

Serve = Callable[[Request], Answer]


def contents(fake: FakeStorage) -> dict[str, bytes]:
    return {name: stored.content for name, stored in fake.objects.items()}


def assert_whole(fake: FakeStorage) -> None:
    """A COMMIT has its files, and the log and the samples from before it."""
    found = contents(fake)
    for commit in (name for name in found if name.endswith("/COMMIT")):
        step = int(commit.split("/")[1])
        assert (found[f"run/{step}/variables"], found[f"run/{step}/state"]) == (
            b"variables of %d" % step,
            b"state of %d" % step,
        )
        assert found["run/log"].startswith(b"".join(b"%d\n" % before for before in range(1, step + 1)))
        assert all(f"run/samples/{before}" in found for before in range(1, step + 1))


def is_change(request: Request) -> bool:
    return request.method != "GET"


def train_to_its_death(fake: FakeStorage, change: int, served: bool) -> int | None:
    """Train in a child that is killed when it asks for that change of the bucket, served or not; its exit code."""
    pid: Future[int] = Future()
    asked = itertools.count()

    def kill(request: Request, serve: Serve) -> Answer | None:
        if not is_change(request) or next(asked) != change:
            return serve(request)
        os.kill(pid.result(), signal.SIGKILL)
        if served:
            serve(request)
        return None

    fake.always = kill
    child = uploading.start(RUN)
    pid.set_result(child.pid)
    child.join()
    fake.always = None
    return child.exitcode


@pytest.mark.parametrize("served", [False, True], ids=["before it is served", "after it was served"])
def test_killed_at_every_change_of_the_bucket(fake: FakeStorage, served: bool) -> None:
    """The bucket is whole after each; the same command ends as if nothing had happened, without waiting for a lease."""
    for change in itertools.count():
        fake.objects.clear()
        code = train_to_its_death(fake, change, served)
        assert_whole(fake)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        uploading.train(RUN)
        assert contents(fake) == WHOLE
    # The lease taken and given back, and each file once at least.
    assert change >= 2 + len(WHOLE)
    assert contents(fake) == WHOLE


def test_an_unchanged_lease_is_stale_and_one_that_changes_is_not(fake: FakeStorage, notices: list[str]) -> None:
    fake.put(f"run/{LEASE}", OTHERS % 1)
    uploading.train(RUN)
    assert contents(fake) == WHOLE
    assert any(notice.startswith(f"{RUN}: another process trained here (elsewhere, process 7)") for notice in notices)
    looks = [request for request in fake.requests if request.query.get("prefix") == f"run/{LEASE}"]
    assert len(looks) == lease.POLLS

    for change in (lambda: fake.put(f"run/{LEASE}", OTHERS % 2), lambda: fake.objects.pop(f"run/{LEASE}")):
        fake.put(f"run/{LEASE}", OTHERS % 1)

        def live(request: Request, serve: Serve, change: Callable[[], object] = change) -> Answer:
            if request.query.get("prefix") == f"run/{LEASE}":
                change()
            return serve(request)

        fake.always = live
        with pytest.raises(
            UsageError, match=r"gs://bucket/run: another process trains in this folder \(elsewhere, process 7\)"
        ):
            take_lease(CloudFolder(RUN), Interruption())
        fake.always = None


def test_of_two_that_find_a_stale_lease_one_gets_it(fake: FakeStorage) -> None:
    fake.put(f"run/{LEASE}", b"of another version")

    def overtaken(request: Request, serve: Serve) -> Answer:
        if request.method == "POST" and fake.objects[f"run/{LEASE}"].generation > 0 and b"token" in request.body:
            fake.put(f"run/{LEASE}", OTHERS % 1)
        return serve(request)

    fake.faults = [None] * 4  # a vain try to create it, how it stands, what it says
    fake.always = overtaken
    with pytest.raises(UsageError, match="another process trains"):
        take_lease(CloudFolder(RUN), Interruption())
    assert fake.objects[f"run/{LEASE}"].content == OTHERS % 1


def test_a_signal_ends_the_wait_for_a_lease(fake: FakeStorage) -> None:
    fake.put(f"run/{LEASE}", OTHERS % 1)
    wish = Interruption()
    wish.ask("SIGTERM")
    with pytest.raises(InterruptedRunError, match="gs://bucket/run: stopped by SIGTERM before training began"):
        take_lease(CloudFolder(RUN), wish)
    assert contents(fake) == {f"run/{LEASE}": OTHERS % 1}


def test_a_lease_is_renewed_and_given_back(fake: FakeStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    held = take_lease(CloudFolder(RUN), Interruption())
    first = fake.objects[f"run/{LEASE}"]
    held.keep()
    assert fake.objects[f"run/{LEASE}"] is first
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.0)
    for lost in (None, lambda request, serve: serve(request) and None):
        # Renewed, though the answer to the first try may be lost.
        fake.faults = [lost]
        before = fake.objects[f"run/{LEASE}"].content
        held.keep()
        assert fake.objects[f"run/{LEASE}"].content != before
    held.release()
    assert not fake.objects


def test_who_lost_the_lease_uploads_nothing_more(fake: FakeStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an outage that was one for this process alone."""
    wish = Interruption()
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.0)
    with (
        pytest.raises(StorageError, match=r"took this run over .*kept in .*cache/ganmill-run-") as raised,
        mirrored(CloudFolder(RUN), wish) as run,
    ):
        fake.put(f"run/{LEASE}", OTHERS % 1)
        run.write("status", b"mine")
    assert contents(fake) == {f"run/{LEASE}": OTHERS % 1}
    assert wish.requested
    assert (run.path / "status").read_bytes() == b"mine"
    assert str(run.path) in str(raised.value)


def test_an_error_of_the_run_is_told_when_its_files_could_not_be_uploaded(
    fake: FakeStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANMILL_STORAGE_TIMEOUT", "0.2")
    with (
        pytest.raises(StorageError, match=r"could not be reached.*what this session wrote.*stopped at step 4.*rsync"),
        mirrored(CloudFolder(RUN), Interruption()) as run,
    ):
        fake.always = lambda request, serve: None
        run.write("status", b"mine")
        raise InterruptedRunError("stopped at step 4")


def test_a_second_ctrl_c_leaves_the_mirror_and_names_it(fake: FakeStorage, notices: list[str]) -> None:
    """Nothing is sent any more, nor is the lease renewed that was given back."""
    release = threading.Event()

    def hold(request: Request, serve: Serve) -> Answer:
        release.wait()
        return serve(request)

    with pytest.raises(KeyboardInterrupt), mirrored(CloudFolder(RUN), Interruption()) as run:
        fake.faults = [hold]
        run.write("status", b"mine")
        threading.Timer(0.0, release.set).start()
        raise KeyboardInterrupt
    assert (run.path / "status").read_bytes() == b"mine"
    assert any(f"they are in {run.path}" in notice for notice in notices)
    for thread in threading.enumerate():
        if thread.name == "uploader":
            thread.join(timeout=60)
            assert not thread.is_alive()


def test_a_cache_that_cannot_be_used_is_named(fake: FakeStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("GANMILL_RUN_CACHE", str(tmp_path / "file"))
    with (
        pytest.raises(StorageError, match="there is a file where a folder is needed"),
        mirrored(CloudFolder(RUN), Interruption()),
    ):
        raise AssertionError
    assert not fake.objects
