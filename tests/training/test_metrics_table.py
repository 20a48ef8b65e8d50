"""gan-train metrics: the log of a run as CSV, with every number as it is in the log."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.support.runs import gan_train


def logged(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def numbers(table: str) -> list[dict[str, float]]:
    return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(io.StringIO(table))]


def test_a_table_on_stdout_and_in_a_file_has_every_number_of_the_log(trained: Path, tmp_path: Path) -> None:
    shown = gan_train("metrics", trained, "--csv", "-")
    assert (shown.code, shown.err) == (0, "")
    assert numbers(shown.out) == logged(trained)
    assert gan_train("metrics", trained).out == shown.out
    ran = gan_train("metrics", trained, "--csv", tmp_path / "metrics.csv", "--json")
    assert ran.code == 0, ran.err
    assert (tmp_path / "metrics.csv").read_text() == shown.out
    document = json.loads(ran.out)
    assert (document["rows"], document["out"]) == (6, str(tmp_path / "metrics.csv"))
    assert shown.out.splitlines()[0] == ",".join(document["columns"]) and document["columns"][0] == "step"


def test_a_number_that_a_step_lacks_is_an_empty_field(trained: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(gan_train("metrics", trained).out)))
    assert [row["snapshot.diversity"] != "" for row in rows] == [False, False, True] * 2


@pytest.mark.parametrize(
    ("log", "words"), [("", "nothing is logged yet"), ('{"step": 1}\n', "damaged"), (None, "nothing is logged")]
)
def test_a_log_that_is_empty_or_damaged_is_said(log: str | None, words: str, trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    (run / "metrics.jsonl").unlink() if log is None else (run / "metrics.jsonl").write_text(log)
    ran = gan_train("metrics", run, "--csv", tmp_path / "metrics.csv")
    assert (ran.code, words in ran.err, (tmp_path / "metrics.csv").exists()) == (3, True, False), ran.err
    assert gan_train("metrics", tmp_path).code == 3
