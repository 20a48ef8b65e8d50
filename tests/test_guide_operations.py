"""Every command of the guide on operations runs, with smaller networks and fewer steps."""

import re
import shlex
from pathlib import Path

import pytest

from tests.support.commands import Ran, run_inside
from tests.support.runs import SMALL_KEYS
from tests.support.training_data import prepare_digits

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "operations.md"
LINES = [line for block in re.findall(r"```bash\n(.*?)```", GUIDE.read_text(), re.DOTALL) for line in block.splitlines()]


def run(line: str) -> Ran:
    from gan_pipeline.cli.commands import main as pipeline
    from gan_train.cli.main import main as train

    program, *arguments = shlex.split(line)
    smaller = (
        [part for key in SMALL_KEYS for part in ("--set", key)] if any(word.startswith("mnist-") for word in arguments) else ()
    )
    return run_inside({"gan-pipeline": pipeline, "gan-train": train}[program], *arguments, *smaller)


def test_every_command_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_digits(tmp_path / "data" / "digits")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").write_bytes(b"picture")
    for line in LINES:
        ran = run(line)
        assert ran.code == 0, (line, ran.out, ran.err)
