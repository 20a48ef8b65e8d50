"""Every command of the guide on going on and on transfer runs, in its order, and leaves what the guide says."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.support.datasets import prepare
from tests.support.runs import SMALL, gan_train

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "resume-and-transfer.md"
LINES = [line for block in re.findall(r"```bash\n(.*?)```", GUIDE.read_text(), re.DOTALL) for line in block.splitlines()]
SHORT = (*SMALL, "--set", "snapshot_every=2", "--set", "checkpoint_every=2")


def shorter(arguments: list[str]) -> list[str]:
    """A training of the guide with small networks and few steps; one that is continued is small already."""
    if arguments[0] != "run" or "--resume" in arguments or "runs/digits/recipe.yaml" in arguments:
        return arguments
    return [*arguments, *SHORT, "--steps", "8" if "--stop-when" in arguments else "4"]


def test_every_command_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path / "data" / "digits", "--limit", "200", "--shards", "2")
    prepare(tmp_path / "data" / "eights", "--limit", "200", "--shards", "2", "--classes", "8")
    for line in LINES:
        program, *arguments = shlex.split(line)
        assert program == "gan-train"
        ran = gan_train(*shorter(arguments))
        assert ran.code == 0, (line, ran.err)
    runs = Path("runs")
    sessions = [json.loads(line) for line in (runs / "digits" / "sessions.jsonl").read_text().splitlines()]
    assert [(one["from_step"], one["to_step"]) for one in sessions] == [(0, 4), (4, 6), (6, 8)]
    assert sessions[-1]["intervals"]["log_every"] == 2
    ancestry = {run.name: json.loads((run / "run.json").read_text()).get("ancestry", []) for run in runs.iterdir()}
    keys = ("run", "step", "players", "optimizers")
    began = {name: tuple(ancestors[0][key] for key in keys) for name, ancestors in ancestry.items() if ancestors}
    both = ["generator", "discriminator"]
    assert began == {
        "eights": ("runs/digits", 8, both, []),
        "slower": ("runs/digits", 6, both, both),
        "critic": ("runs/digits", 8, ["discriminator"], []),
        "frozen": ("runs/digits", 8, both, []),
    }
    assert "first weights" in Path("compare.html").read_text()


def test_the_guide_names_every_option_of_its_kind() -> None:
    text = GUIDE.read_text()
    for option in ("resume", "data", "stop-when", "init-from", "init-players", "init-optimizers", "freeze"):
        assert f"`--{option}" in text, option
