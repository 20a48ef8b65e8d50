"""Numbers for Prometheus and messages as JSON, from the command line of both programs."""

import json
import re
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gan_core.command import LogFormat, choose_log_format, run_command
from gan_core.errors import UsageError
from gan_core.metrics import exported
from gan_core.notices import say, warn
from gan_pipeline.cli.commands import main
from tests.support.commands import Ran, run_inside


def numbers(text: str) -> dict[str, float]:
    """The samples of an exposition by name and labels: "ganmill_train_loss{phase=g}"."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def messages(ran: Ran) -> list[dict[str, Any]]:
    """The lines of stderr, each of which must be an object of JSON with the documented keys."""
    found = [json.loads(line) for line in ran.err.splitlines()]
    for one in found:
        assert list(one) == ["time", "level", "program", "message", "fields"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["time"]) and isinstance(one["fields"], dict)
    return found


def digits(out: Path, *options: str) -> tuple[str, ...]:
    return ("prepare", "mnist", "--source", "sample", "--limit", "40", "--shards", "2", "-o", str(out), *options)


def test_a_preparation_tells_its_numbers_and_speaks_json(tmp_path: Path) -> None:
    file = tmp_path / "prepare.prom"
    ran = run_inside(main, "--log-format", "json", *digits(tmp_path / "data", "--metrics-file", str(file), "--json"))
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["already_done"] is False
    found = numbers(file.read_text())
    names = ("images", "images_done", "images_failed", "shards", "shards_done")
    assert [found[f"ganmill_prepare_{name}"] for name in names] == [40, 40, 0, 2, 2]
    assert found["ganmill_prepare_state{ganmill_prepare_state=finished}"] == 1
    assert found["ganmill_prepare_state{ganmill_prepare_state=writing}"] == 0
    told = messages(ran)
    assert {one["program"] for one in told} == {"gan-pipeline"} and {one["level"] for one in told} == {"info"}
    last = told[-1]
    assert last["message"].startswith("2/2 shards") and last["fields"]["completed"] == 40 and last["fields"]["dropped"] == 0


def test_errors_and_wrong_command_lines_are_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run_inside(main, "--log-format", "json", "prepare", "nothing", "-o", tmp_path / "data")
    (only,) = messages(ran)
    assert ran.code == 2 and only["level"] == "error" and only["message"].startswith("unknown dataset 'nothing'")
    monkeypatch.setenv("GANMILL_LOG_FORMAT", "json")
    ran = run_inside(main, *digits(tmp_path / "data", "--limit", "many"))
    assert ran.code == 2 and messages(ran)[-1]["level"] == "error" and "'--limit'" in messages(ran)[-1]["message"]


def test_a_preparation_that_fails_leaves_that_state(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_bytes(b"broken")
    file = tmp_path / "prepare.prom"
    options = ("-o", tmp_path / "data", "--metrics-file", file)
    ran = run_inside(main, "prepare", "images", "--source", tmp_path / "photos", *options)
    assert ran.code == 3
    found = numbers(file.read_text())
    assert found["ganmill_prepare_state{ganmill_prepare_state=error}"] == 1
    assert (found["ganmill_prepare_images_done"], found["ganmill_prepare_images_failed"]) == (1, 1)


def test_levels_lines_and_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    def app(standalone_mode: bool) -> None:
        choose_log_format(LogFormat.JSON, "gan-train")
        say("all is well", {"step": 3})
        warn("two\nlines")
        print("a library", file=sys.stderr)
        sys.stderr.write("no end")
        raise ValueError("a bug")

    with pytest.raises(SystemExit) as ended:
        run_command(app)
    assert ended.value.code == 1
    told = messages(Ran(1, "", capsys.readouterr().err))
    assert [(one["level"], one["message"]) for one in told[:3]] == [
        ("info", "all is well"),
        ("warning", "two\nlines"),
        ("info", "a library"),
    ]
    assert told[0]["fields"] == {"step": 3}
    (bug,) = [one for one in told if "Traceback" in one["message"]]
    assert "ValueError: a bug" in bug["message"]
    # A command that comes after it in this process writes text again.
    warn("not shown")
    assert capsys.readouterr().err == ""


def test_numbers_are_served_while_the_command_runs() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with exported(port, None) as exporter:
        assert exporter
        exporter.gauge("ganmill_example", "An example.").set(7)
        assert numbers(urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()) == {"ganmill_example": 7}
        with pytest.raises(UsageError, match=rf"--metrics-port {port}: cannot listen"), exported(port, None):
            pass
    with pytest.raises(OSError, match="refused"):
        urlopen(f"http://127.0.0.1:{port}/metrics")


def test_a_file_that_cannot_be_written(tmp_path: Path, notices: list[str]) -> None:
    ran = run_inside(main, *digits(tmp_path / "data", "--metrics-file", str(tmp_path / "missing" / "x.prom")))
    assert ran.code == 5 and "--metrics-file" in ran.err and not (tmp_path / "data").exists()
    folder = tmp_path / "gone"
    folder.mkdir()
    with exported(None, str(folder / "x.prom")) as exporter:
        assert exporter
        (folder / "x.prom").unlink()
        folder.rmdir()
        exporter.changed(now=True)
        exporter.changed(now=True)
    # Later it costs one warning, and no work.
    assert len(notices) == 1 and "the work goes on without it" in notices[0]
