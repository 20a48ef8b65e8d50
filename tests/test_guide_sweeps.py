"""Every command of the guide on sweeps runs, on the files that it shows, with smaller networks and fewer steps and runs."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.support.commands import Ran, run_inside
from tests.support.runs import SMALL, SMALL_KEYS, UNSCORED

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "sweeps.md"
TEXT = GUIDE.read_text()
FILES = dict(re.findall(r"`([a-z]+\.yaml)`:\n\n```yaml\n(.*?)```", TEXT, re.DOTALL))
LINES = [line for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
LOOP = re.compile(r"for run in (\S+); do (.*); done")

SHORTER = {"run": (*SMALL, "--steps", "3"), "evaluate": ("--count", "200"), "prepare": ("--limit", "300")}
"""Laid over the commands."""


def write_files() -> None:
    """Write the files of the guide, with the settings of a small network laid over them."""
    small = {key: yaml.safe_load(value) for key, _, value in (one.partition("=") for one in SMALL_KEYS)}
    for name, content in FILES.items():
        document = yaml.safe_load(content)
        document["set"] = document.get("set", {}) | small | {"steps": 3, "snapshot_every": 3}
        Path(name).write_text(yaml.safe_dump(document | {"seeds": 2}))


def expanded(line: str) -> list[str]:
    """The commands that a shell would make of a line."""
    loop = LOOP.fullmatch(line)
    if loop is None:
        return [line]
    runs = sorted(run for run in Path().glob(loop[1]) if not run.name.startswith("."))
    return [loop[2].replace('"$run"', str(run)) for run in runs]


def run(command: str) -> Ran:
    from gan_pipeline.cli.commands import main as pipeline_main
    from gan_train.cli.main import main as train_main

    program, *arguments = shlex.split(command)
    shorter = SHORTER.get(arguments[0], ())
    if arguments[0] in ("sweep", "repeat"):
        shorter = UNSCORED if "--" in arguments else ("--", *UNSCORED)
    return run_inside({"gan-pipeline": pipeline_main, "gan-train": train_main}[program], *arguments, *shorter)


def test_every_command_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files()
    assert sorted(FILES) == ["rates.yaml", "sizes.yaml"]
    told = {}
    for line in LINES:
        for command in expanded(line):
            ran = run(command)
            assert ran.code == 0, (command, ran.err)
            told[line] = ran.out
    assert sorted(path.name for path in Path("sweeps/rates").iterdir() if not path.name.startswith(".")) == [
        f"learning_rate={rate}-seed-{seed}" for rate in ("0.0001", "0.0004") for seed in (0, 1)
    ]
    assert {path.name for path in Path("runs").iterdir() if path.name[0] != "."} == {"first", "first-seed-1", "first-seed-2"}
    assert "4 runs: 4 finished before" in told["gan-train sweep rates.yaml -o sweeps/rates --jobs 2"]
    assert " over 2 seeds at step 3" in told["gan-train compare sweeps/rates -o rates.html"]


def test_the_guide_names_every_key_and_variable() -> None:
    from gan_train.sweeps.document import SweepDocument
    from gan_train.sweeps.printing import INDEX_VARIABLES

    keys = [field.alias or name for name, field in SweepDocument.model_fields.items()]
    for name in (*keys, *INDEX_VARIABLES):
        assert f"`{name}`" in TEXT, name
