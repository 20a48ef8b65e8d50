"""A run goes on from its folder alone, with other intervals, after the dataset moved, and under other package versions."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from gan_core.storage import open_folder
from gan_train import open_run, resume
from gan_train.diagnosis.judge import Diagnosis
from gan_train.runs.run_folder import read_record
from gan_train.runs.sessions import judged_recipe, read_sessions
from tests.support.commands import Argument, Ran
from tests.support.datasets import run_cli
from tests.support.runs import assert_same_checkpoint, gan_train, trained_numbers

KEYS = ("batch_size=16", "sample_images=9", "precision=float32", "snapshot_every=4", "checkpoint_every=4", "steps_per_call=3")
OPTIONS = tuple(part for key in KEYS for part in ("--set", key))
OLD = Path(__file__).parent.parent / "data" / "old_run"
"""A run of 2 of 4 steps by version 0.1, interrupted, and what it had reached at step 4."""


def train(data: Path, out: Path, *options: str) -> Ran:
    return gan_train("run", "curve-gan", "--data", data, "-o", out, *OPTIONS, *options)


@pytest.fixture(scope="module")
def unbroken(points: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 steps of curve-gan in one session. Not to be changed."""
    out = tmp_path_factory.mktemp("go-on") / "unbroken"
    ran = train(points, out, "--steps", "12", "--keep", "last=9")
    assert ran.code == 0, ran.err
    return out


@pytest.fixture
def begun(unbroken: Path, tmp_path: Path) -> Path:
    """The same run as it was when it was killed after the checkpoint of step 4."""
    run = tmp_path / "run"
    shutil.copytree(unbroken, run)
    for step in (8, 12):
        shutil.rmtree(run / "checkpoints" / f"step-{step:08d}")
    return run


def sessions(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "sessions.jsonl").read_text().splitlines()]


def rows(run: Path) -> list[dict[str, float]]:
    return trained_numbers((run / "metrics.jsonl").read_bytes())


def test_a_run_goes_on_from_its_folder_alone(
    begun: Path, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another working folder, with nothing but its name: recipe, data, last step and options are those of before."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    ran = gan_train("run", "--resume", begun)
    assert ran.code == 0, ran.err
    assert f"done: step 12 in {begun}" in ran.out
    assert_same_checkpoint(unbroken, begun, 12)
    assert rows(begun) == rows(unbroken)
    first, second = sessions(begun)
    assert (first["from_step"], second["from_step"], second["to_step"]) == (0, 4, 12)
    assert {key: first[key] for key in ("data", "options", "packages")} == {
        key: second[key] for key in ("data", "options", "packages")
    }
    assert second["options"]["keep"] == "last=9" and len(list((begun / "checkpoints").iterdir())) == 3
    assert "already done" in gan_train("run", "--resume", begun).out and len(sessions(begun)) == 2


def test_python_goes_on_as_the_command_does(begun: Path, unbroken: Path) -> None:
    run = resume(begun, overrides={"log_every": 2}, steps=12)
    assert run.step == 12 and run.trained and not run.trained.already_done
    assert_same_checkpoint(unbroken, begun, 12)


CHANGED = {"log_every": 2, "snapshot_every": 5, "checkpoint_every": 3, "steps_per_call": 1}


def test_what_changes_no_result_may_change(begun: Path, unbroken: Path, points: Path) -> None:
    """All four intervals at once: the same bits at the end, told in words, and on record."""
    before = (begun / "recipe.yaml").read_bytes()
    changes = [part for key, value in CHANGED.items() for part in ("--set", f"{key}={value}")]
    ran = gan_train("run", "--resume", begun, *changes, "--steps", "10")
    assert ran.code == 0, ran.err
    for key, value in CHANGED.items():
        was = yaml.safe_load(before)[key]
        assert f"{begun}: from step 4 on with {key} {value}, before {was}" in ran.err
    assert (begun / "recipe.yaml").read_bytes() == before
    assert sessions(begun)[-1]["intervals"] == CHANGED
    ran = gan_train("run", "--resume", begun, "--steps", "12")
    assert ran.code == 0 and "before" not in ran.err, ran.err
    assert sessions(begun)[-1]["intervals"] == CHANGED
    assert_same_checkpoint(unbroken, begun, 12)
    steps = [row["step"] for row in rows(begun)]
    assert steps == [1, 2, 3, 4, 5, 6, 8, 10, 12]
    alike = {row["step"]: row for row in rows(unbroken)}
    for row in rows(begun):
        assert {name: value for name, value in row.items() if name[:9] != "snapshot."}.items() <= alike[row["step"]].items()
    # The command that began the run goes on as well, with its own intervals again.
    ran = train(points, begun, "--steps", "13")
    assert ran.code == 0 and "with steps_per_call 3, before 1" in ran.err, ran.err


@pytest.mark.parametrize("change", ["batch_size=32", "seed=1", "generator.optimizer.learning_rate=0.1", "deterministic=false"])
def test_what_changes_results_is_refused_with_the_way_to_do_it(begun: Path, change: str) -> None:
    ran = gan_train("run", "--resume", begun, "--set", change)
    assert ran.code == 2
    assert change.partition("=")[0] in ran.err and f"--init-from {begun}" in ran.err
    assert len(sessions(begun)) == 1


def test_a_dataset_that_moved_is_asked_for_and_found_from_then_on(begun: Path, points: Path, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    shutil.copytree(points, there)
    changed = sessions(begun)[0] | {"data": str(here)}
    (begun / "sessions.jsonl").write_text(json.dumps(changed) + "\n")
    ran = gan_train("run", "--resume", begun)
    assert ran.code == 3 and f"not at {here} any more; name the folder it is in now with --data" in ran.err
    assert gan_train("run", "--resume", begun, "--data", there, "--steps", "6").code == 0
    assert gan_train("run", "--resume", begun, "--steps", "8").code == 0
    assert [one["data"] for one in sessions(begun)] == [str(here), str(there), str(there)]


def test_other_package_versions_are_told_and_recorded(begun: Path) -> None:
    session = sessions(begun)[0]
    older = session["packages"] | {"keras": "3.0.1"}
    (begun / "sessions.jsonl").write_text(json.dumps(session | {"packages": older}) + "\n")
    now = session["packages"]["keras"]
    ran = gan_train("run", "--resume", begun, "--steps", "6")
    assert ran.code == 0, ran.err
    assert f"warning: {begun}: from step 4 on with other versions (keras {now}, before 3.0.1)" in ran.err
    assert [one["packages"]["keras"] for one in sessions(begun)] == ["3.0.1", now]
    assert "other versions" not in gan_train("run", "--resume", begun, "--steps", "7").err


def test_a_record_whose_dataset_digest_was_edited_is_found(begun: Path, points: Path, tmp_path: Path) -> None:
    right = json.loads((begun / "run.json").read_text())["dataset_digest"]
    record = (begun / "run.json").read_text()
    (begun / "run.json").write_text(record.replace(right, "0" * 64))
    for arguments in (("--resume", begun), ("curve-gan", "--data", points, "-o", begun, *OPTIONS, "--steps", "12")):
        ran = gan_train("run", *arguments)
        assert ran.code == 3
        assert f"{begun}/run.json: its dataset_digest, 000000000000, is not that of its checkpoints" in ran.err
        assert f"it was edited; write there again {right}" in ran.err
    others: tuple[tuple[Argument, ...], ...] = (
        ("repeat", begun, "--seeds", "7", "--dry-run"),
        ("export", begun, "-o", tmp_path / "g.keras"),
        ("run", "curve-gan", "--data", points, "-o", tmp_path / "new", "--init-from", begun),
    )
    for arguments in others:
        ran = gan_train(*arguments)
        assert ran.code == 3 and f"write there again {right}" in ran.err, ran.err
    assert not (tmp_path / "new").exists()
    (begun / "run.json").write_text(record)
    assert gan_train("run", "--resume", begun).code == 0


def test_a_commit_whose_dataset_digest_was_edited_is_found(begun: Path) -> None:
    """The checkpoint's own state.json knows the right one."""
    (commit,) = (begun / "checkpoints").glob("*/COMMIT")
    commit.write_text(json.dumps(json.loads(commit.read_text()) | {"dataset": "0" * 64}))
    ran = gan_train("run", "--resume", begun)
    assert ran.code == 3 and "COMMIT and state.json name different datasets: one of them was edited" in ran.err


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("options", {"jit": "fast"}),
        ("options", {"keep": 5}),
        ("options", {"logical_cpus": "two"}),
        ("intervals", {"log_every": 0}),
        ("intervals", {"nonsense": 1}),
        ("to_step", 0),
    ],
)
def test_a_session_that_was_edited_is_found(begun: Path, key: str, changes: Any) -> None:
    """The message names the file: nobody gave such an option."""
    (session,) = sessions(begun)
    (begun / "sessions.jsonl").write_text(json.dumps(session | {key: session[key] | changes if key != "to_step" else changes}))
    ran = gan_train("run", "--resume", begun)
    assert ran.code == 3 and f"{begun}/sessions.jsonl: its last line was edited (" in ran.err, ran.err


@pytest.mark.parametrize("key", ["dataset", "packages"])
def test_any_other_edit_of_the_record_is_found_too(begun: Path, key: str) -> None:
    record = json.loads((begun / "run.json").read_text())
    record[key] = "elsewhere" if key == "dataset" else record[key] | {"keras": "3.0.1"}
    (begun / "run.json").write_text(json.dumps(record))
    ran = gan_train("run", "--resume", begun)
    assert ran.code == 3 and "belongs to a run with another recipe.yaml or run.json" in ran.err


def test_a_run_of_version_0_1_goes_on(points: Path, tmp_path: Path) -> None:
    """It has no run.json and no sessions.jsonl, and the dataset in a second document of recipe.yaml."""
    run, data = tmp_path / "run", tmp_path / "data"
    shutil.copytree(OLD / "run", run)
    old_points(data)
    ran = gan_train("run", "--resume", run)
    assert ran.code == 3 and "its dataset is not at curve any more" in ran.err
    ran = gan_train("run", "--resume", run, "--data", data, "--set", "log_every=2")
    assert ran.code == 0, ran.err
    reached, expected = (
        load_file(path)
        for path in (run / "checkpoints" / "step-00000004" / "variables.safetensors", OLD / "step-00000004.safetensors")
    )
    assert reached.keys() == expected.keys()
    for name, values in expected.items():
        # The stored numbers are of another machine, maybe.
        np.testing.assert_allclose(reached[name], values, rtol=1e-4, atol=1e-6, err_msg=name)
    assert not (run / "run.json").exists()
    assert [one["intervals"]["log_every"] for one in sessions(run)] == [2]
    assert gan_train("run", "--resume", run, "--steps", "5").code == 0
    for command in (("report", run), ("diagnose", run), ("sample", run, "-o", tmp_path / "more.png")):
        assert gan_train(*command).code == 0, command
    page = (run / "report.html").read_text()
    assert "dataset_digest:" not in page and "batch_size: 16" in page


def old_points(data: Path) -> None:
    """The 200 points of the curve that the run of version 0.1 was trained on."""
    ran = run_cli("prepare", "curve", "-o", data, "--limit", "200")
    assert ran.code == 0, ran.err


def test_the_recipe_of_a_run_is_a_recipe(unbroken: Path, points: Path, tmp_path: Path) -> None:
    """By its file, by its folder and in the form of version 0.1; `show` prints it, and it trains to the same bits."""
    shown = gan_train("show", unbroken)
    assert shown.code == 0 and shown.out == (unbroken / "recipe.yaml").read_text()
    assert gan_train("show", unbroken, "--json").out == gan_train("show", unbroken / "recipe.yaml", "--json").out
    assert yaml.safe_load(gan_train("show", unbroken, "--set", "steps=5").out)["steps"] == 5
    (tmp_path / "mine.yaml").write_text(shown.out)
    for number, name in enumerate((unbroken / "recipe.yaml", unbroken, tmp_path / "mine.yaml")):
        ran = gan_train("run", name, "--data", points, "-o", tmp_path / f"run-{number}")
        assert ran.code == 0, ran.err
        assert_same_checkpoint(unbroken, tmp_path / f"run-{number}", 12)
    old = gan_train("show", OLD / "run")
    assert old.code == 0 and old.out == gan_train("show", OLD / "run" / "recipe.yaml").out
    assert "dataset" not in old.out and yaml.safe_load(old.out)["batch_size"] == 16
    ran = gan_train("show", unbroken, "--short")
    assert ran.code == 2 and "a run has no short training" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--resume", "{run}", "--short"), 2, "leave it out with --resume"),
        (("curve-gan", "--resume", "{run}"), 2, "leave out RECIPE and -o"),
        (("--resume", "{run}", "-o", "x"), 2, "leave out RECIPE and -o"),
        (("--resume", "{tmp}/nothing"), 3, "no recipe.yaml here"),
        (("curve-gan", "-o", "x"), 2, "gan-train run RECIPE --data FOLDER -o RUN"),
        ((), 2, "gan-train run --resume RUN"),
        (("--resume", "{run}", "--keep", "last=0"), 2, "--keep"),
        (("--resume", "{run}", "--set", "log_every=0"), 2, "log_every"),
    ],
)
def test_a_wrong_way_to_go_on_is_refused(
    begun: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = gan_train("run", *(part.format(run=begun, tmp=tmp_path) for part in arguments))
    assert ran.code == code and words in ran.err, ran.err


def test_a_plan_of_a_resumption_says_where_it_goes_on(begun: Path) -> None:
    ran = gan_train("run", "--resume", begun, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    plan = json.loads(ran.out)
    assert (plan["from_step"], plan["to_step"], plan["run_folder"]) == (4, 12, str(begun))
    assert len(sessions(begun)) == 1


def test_a_dataset_with_a_name_of_any_bytes(points: Path, tmp_path: Path) -> None:
    data, run = tmp_path / "d\udcff", tmp_path / "run"
    shutil.copytree(points, data)
    ran = train(data, run, "--steps", "4")
    assert ran.code == 0, ran.err
    assert gan_train("run", "--resume", run, "--steps", "5").code == 0
    assert open_run(run).step == 5


def test_longer_intervals_of_the_log_are_judged_by_longer_windows(begun: Path) -> None:
    """The windows of a diagnosis hold enough rows whichever session logged them."""
    assert gan_train("run", "--resume", begun, "--steps", "6", "--set", "log_every=100").code == 0
    folder = open_folder(str(begun))
    assert Diagnosis(judged_recipe(read_record(folder).recipe, read_sessions(folder))).window == 900
