"""Files of a run that somebody damaged: every command that reads them ends soon, with a documented exit code and a message."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from fuzz.harness import within
from tests.support.damage import DEEP, HOSTILE, LAUGHS, damaged_bytes, damaged_json, damaged_line
from tests.support.reports import COLLAPSED, STABLE, copied, judge, score
from tests.support.runs import gan_train

CODES = {0, 2, 3, 4, 5, 75}
SEEDS = range(20)

Damage = Callable[[bytes, int], bytes]


def damaged_yaml(content: bytes, seed: int) -> bytes:
    """recipe.yaml in which one value is another."""
    return yaml.safe_dump(json.loads(damaged_json(json.dumps(yaml.safe_load(content)).encode(), seed))).encode()


def some_of(structural: Damage) -> Damage:
    """Two of three versions are damaged in what the document says, the third in its bytes."""
    return lambda content, seed: structural(content, seed) if seed % 3 else damaged_bytes(content, seed // 3)


FILES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "status.json": (some_of(damaged_json), ("watch", "report", "diagnose")),
    "metrics.jsonl": (some_of(damaged_line), ("watch", "report", "diagnose")),
    "diagnosis.jsonl": (some_of(damaged_line), ("watch", "report")),
    "scores.jsonl": (some_of(damaged_line), ("report", "compare")),
    "dataset.json": (some_of(damaged_json), ("report",)),
    "recipe.yaml": (some_of(damaged_yaml), ("watch", "report", "diagnose", "sample")),
    "run.json": (some_of(damaged_json), ("report", "diagnose", "sample")),
    "sessions.jsonl": (some_of(damaged_line), ("report", "diagnose")),
    "samples/step-00000006.png": (damaged_bytes, ("report",)),
    "models/generator-step-00000006.keras": (damaged_bytes, ("sample", "export")),
}


@pytest.fixture(scope="module")
def whole(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with scores, the pictures of its report and a page: every file that a command reads."""
    run = copied(trained, tmp_path_factory.mktemp("damaged") / "whole")
    score(run, 3, fid=2.5, kid=0.5, kid_std=0.1)
    score(run, 6, fid=1.5, kid=0.25, kid_std=0.1)
    judge(run, STABLE, COLLAPSED)
    assert gan_train("report", run).code == 0
    return run


def arguments(command: str, run: Path, out: Path, whole: Path) -> list[str | Path]:
    """A command line that reads the run and writes nothing into it."""
    return {
        "watch": ["watch", run, "--once"],
        "report": ["report", run, "-o", out / "report.html"],
        "diagnose": ["diagnose", run],
        "compare": ["compare", run, whole, "-o", out / "compare.html"],
        "sample": ["sample", run, "-o", out / "sample.png", "--count", "2"],
        "export": ["export", run, "-o", out / "generator.keras"],
    }[command]


@pytest.mark.parametrize("name", FILES)
def test_every_damage_ends_in_one_message(whole: Path, tmp_path: Path, name: str) -> None:
    damage, commands = FILES[name]
    content = (whole / name).read_bytes()
    shutil.copytree(whole, tmp_path / "run")
    refused = 0
    for seed in SEEDS:
        (tmp_path / "run" / name).write_bytes(damage(content, seed))
        for command in commands:
            with within(60), warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                ran = gan_train(*arguments(command, tmp_path / "run", tmp_path, whole))
            told = f"{name} with seed {seed}, {command}: {ran.code} {ran.err}"
            assert ran.code in CODES, told
            assert (ran.out + ran.err).replace("\n", "").isprintable(), told
            assert len(ran.err) < 2000, told
            if ran.code == 3:
                refused += 1
                assert name.split("/")[-1] in ran.err and ";" in ran.err, told
    assert refused >= len(SEEDS) // 2


@pytest.mark.parametrize("command", ["watch", "report", "diagnose", "sample", "export", "compare"])
def test_a_stray_file_is_left_alone(whole: Path, tmp_path: Path, command: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    strays = [
        "models/generator-step-00000006.keras.bak", "models/generator-step-00000006 (1).keras", "samples/step-foo.png",
        "samples/step-00000006.png.crdownload", "scores/neighbours-step-x.png", "checkpoints/step-00000099/COMMIT~",
        "models/generator-step-.keras", "pictures/interpolation-step-00000006.png~",
    ]  # fmt: skip
    for stray in strays:
        (run / stray).parent.mkdir(parents=True, exist_ok=True)
        (run / stray).write_bytes(b"no such file of ours")
    assert gan_train(*arguments(command, run, tmp_path, whole)).code == 0
    assert all((run / stray).read_bytes() == b"no such file of ours" for stray in strays)


@pytest.mark.parametrize("content", [DEEP, LAUGHS, b'{"a": ' * 100_000, b"\0" * 1_000_000, json.dumps(HOSTILE).encode()])
@pytest.mark.parametrize("name", ["status.json", "scores.jsonl", "dataset.json", "recipe.yaml", "run.json"])
def test_a_hostile_document_is_refused_at_once(whole: Path, tmp_path: Path, name: str, content: bytes) -> None:
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    with within(10):
        ran = gan_train("report", tmp_path / "run", "-o", tmp_path / "page.html")
    assert ran.code == 3 and name in ran.err and not (tmp_path / "page.html").exists()


def test_a_sparse_file_of_a_terabyte_is_not_read(whole: Path, tmp_path: Path) -> None:
    for name in ("status.json", "recipe.yaml", "run.json", "dataset.json"):
        run = tmp_path / name
        shutil.copytree(whole, run)
        with open(run / name, "wb") as file:
            file.truncate(1 << 40)
        with within(10):
            ran = gan_train("report", run)
        assert ran.code == 3 and name in ran.err and "larger than" in ran.err
