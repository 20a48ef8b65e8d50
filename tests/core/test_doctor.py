"""`gan-pipeline doctor`, and the checks that both programs share: results, exit codes, and what is left behind."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from gan_core.doctor import versions
from gan_core.doctor.check import Check, Checked, Result, run_checks
from gan_core.doctor.diagnosis import exit_code
from gan_core.doctor.machine import disk_check, memory_check
from gan_pipeline.cli.commands import main
from tests.support.commands import Ran, run_inside
from tests.support.fake_storage import BUCKET, Answer, FakeStorage, Request, fake_storage, refusal, refuse

OUT = f"gs://{BUCKET}/data"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStorage]:
    with fake_storage() as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        monkeypatch.setattr("google.api_core.retry.retry_unary.time.sleep", lambda seconds: None)
        yield storage


def found(ran: Ran) -> dict[str, dict[str, Any]]:
    """The checks of a `doctor --json` by name."""
    return {one["name"]: one for one in json.loads(ran.out)["checks"]}


def failed(ran: Ran) -> list[str]:
    return [name for name, one in found(ran).items() if one["state"] == "failed"]


def forbid(right: str, matches: Callable[[Request], bool]) -> Callable[[Request, Callable[[Request], Answer]], Answer]:
    """Refuse the requests that match, as Google does where a right is missing, and serve the others."""
    message = f"trainer@acme does not have {right} access to the Google Cloud Storage object."

    def answer(request: Request, serve: Callable[[Request], Answer]) -> Answer:
        return refusal(403, message) if matches(request) else serve(request)

    return answer


def test_a_machine_that_will_do(tmp_path: Path) -> None:
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "photos" / "cats" / "1.png").write_bytes(b"picture")
    ran = run_inside(main, "doctor", "--source", tmp_path / "photos", "-o", tmp_path / "new" / "data")
    assert ran.code == 0, ran.out
    assert "cats/1.png: found, its first 7 bytes read" in ran.out and "20 packaged digits prepared and verified" in ran.out
    # Nothing is left, not even the folder that was made to be written to, and the small preparation says nothing.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"] and ran.err == ""


def test_a_folder_in_use_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "plan.json").write_bytes(b"{}")
    assert run_inside(main, "doctor", "-o", tmp_path).code == 0
    assert [path.name for path in tmp_path.rglob("*")] == [".work", "plan.json"]


@pytest.mark.parametrize("command", [(), ("--in-job",)])
def test_a_folder_that_cannot_be_written(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_bytes(b"")
    ran = run_inside(main, "doctor", "--json", *command, "-o", tmp_path / "file" / "data")
    assert ran.code == (6 if command else 1)
    write = found(ran)["-o write"]
    assert "there is a file where a folder is needed" in write["found"] + write["advice"]
    assert found(ran)["-o delete"]["state"] == "warning"


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    ran = run_inside(main, "doctor", "--json", "--source", tmp_path / "photos")
    assert ran.code == 1 and failed(ran) == ["--source"] and "no file at or below" in ran.out


def test_rights_on_a_bucket(fake: FakeStorage) -> None:
    fake.put("photos/1.png", b"picture")
    ran = run_inside(main, "doctor", "--json", "--source", f"gs://{BUCKET}/photos", "-o", OUT)
    assert ran.code == 0, ran.out
    document = json.loads(ran.out)
    assert document["program"] == "gan-pipeline" and document["failed"] is False
    assert set(document["checks"][0]) == {"name", "state", "found", "advice", "may_pass", "seconds"}
    assert [name for name in found(ran) if name.startswith("-o")] == ["-o list", "-o write", "-o read", "-o delete"]
    assert list(fake.objects) == ["photos/1.png"]


@pytest.mark.parametrize(
    ("check", "right", "role", "matches"),
    [
        ("-o list", "storage.objects.list", "objectViewer", lambda request: request.kind == "GET list"),
        ("-o write", "storage.objects.create", "objectUser", lambda request: request.method == "POST"),
        ("-o read", "storage.objects.get", "objectViewer", lambda request: request.kind == "GET media"),
        ("-o delete", "storage.objects.delete", "objectUser", lambda request: request.method == "DELETE"),
    ],
)
def test_each_right_that_is_missing_is_named_with_its_role(
    fake: FakeStorage, check: str, right: str, role: str, matches: Callable[[Request], bool]
) -> None:
    fake.always = forbid(right, matches)
    ran = run_inside(main, "doctor", "--json", "--in-job", "-o", OUT)
    assert failed(ran) == [check] and ran.code == 6
    assert right in found(ran)[check]["found"] and f"roles/storage.{role}" in found(ran)[check]["advice"]


def test_an_outage_may_pass(fake: FakeStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANMILL_STORAGE_TIMEOUT", "0")
    fake.always = refuse(503, "Backend error")
    ran = run_inside(main, "doctor", "--json", "--in-job", "-o", OUT)
    # The job is tried again, as after a storage that refuses.
    assert ran.code == 5 and failed(ran) == ["-o list", "-o write"]


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (-100, "warning"), (1000, "failed")])
def test_the_clock_is_compared_with_that_of_the_bucket(
    fake: FakeStorage, monkeypatch: pytest.MonkeyPatch, seconds: int, state: str
) -> None:
    import time

    monkeypatch.setattr("gan_core.storage.gcs.time", SimpleNamespace(time=lambda: time.time() + seconds))
    clock = found(run_inside(main, "doctor", "--json", "-o", OUT))["clock"]
    assert clock["state"] == state and f"the clock of {OUT}" in clock["found"]
    assert ("NTP" in clock["advice"]) == (state != "ok")


def test_other_versions_than_the_tested_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = versions._installed
    monkeypatch.setattr(versions, "_installed", lambda name: "99.0" if name == "psutil" else installed(name))
    result = versions.check_versions()
    assert result.state == "warning" and "psutil 99.0 (tested with" in result.found
    monkeypatch.setattr(versions, "_installed", lambda name: {"mtcnn": "0.1", "rich": None}.get(name, installed(name)))
    result = versions.check_versions()
    assert result.state == "failed"
    assert "mtcnn 0.1, needed is ==1.0.0" in result.found and "rich is missing, needed is >=14" in result.found


def test_too_little_memory_and_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gan_core.doctor.machine.free_bytes", lambda: 3 << 30)
    assert [memory_check(least << 30).look().state for least in (1, 2, 4)] == ["ok", "warning", "failed"]
    monkeypatch.setenv("GANMILL_RUN_CACHE", str(tmp_path / "cache"))
    for free, state in ((1 << 40, "ok"), (1 << 30, "warning"), (1 << 20, "failed")):
        monkeypatch.setattr("gan_core.doctor.machine.shutil.disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        result = disk_check("cache", "GANMILL_RUN_CACHE").look()
        assert result.state == state and str(tmp_path / "cache") in result.found


def test_a_check_that_hangs_does_not_keep_the_others() -> None:
    released = Event()
    hanging = Check("hanging", lambda: Result("ok", str(released.wait())))
    slow = Check("slow", lambda: Result("ok", str(released.wait())), late="warning")
    made = list(run_checks([hanging, slow, Check("next", lambda: Result("ok", "well"))], limit=0.1))
    released.set()
    assert [one.result.state for one in made] == ["failed", "warning", "ok"]
    assert "did not end within 1 seconds" in made[0].result.found


def test_exit_codes() -> None:
    well, doubtful = Result("ok", ""), Result("warning", "")
    broken, passing = Result("failed", ""), Result("failed", "", may_pass=True)

    def codes(*results: Result) -> tuple[int, int]:
        made = [Checked("", result, 0.0) for result in results]
        return exit_code(made, in_job=False), exit_code(made, in_job=True)

    assert codes(well, doubtful) == (0, 0)
    assert codes(well, broken, passing) == (1, 6)
    assert codes(passing, well) == (1, 5)
