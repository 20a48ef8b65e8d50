"""The verdicts on trainings of other digits, clothes, losses, rates and faults than those by which the limits were set.

tests/data/diagnosis/runs.yaml says of each what was seen in its sample grids, which was written down before its verdict was
read.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gan_train.diagnosis.history import stretches
from gan_train.diagnosis.judge import diagnose
from gan_train.logs.verdict import STABLE, WARMING_UP, Verdict
from gan_train.recipe.document import load_recipe
from tests.support.histories import FOLDER, read_history

pytestmark = pytest.mark.quick

RUNS: list[dict[str, Any]] = yaml.safe_load(Path(FOLDER, "runs.yaml").read_text())


def judged(run: dict[str, Any]) -> list[Verdict]:
    """The verdicts on a run after warm-up, in order."""
    recipe = load_recipe(run["recipe"], [*run["set"], f"steps={run['steps']}", f"seed={run['seed']}"])
    return [one for one in diagnose(recipe, read_history(run["history"])) if one.kind != WARMING_UP]


@pytest.mark.parametrize("run", RUNS, ids=[run["history"] for run in RUNS])
def test_a_run_is_judged_by_what_was_seen_of_it(run: dict[str, Any]) -> None:
    """One whose images were bad is never called stable; one that was well is never accused, and is stable at last."""
    verdicts = judged(run)
    assert [[one.first.step, one.last.step, one.last.kind] for one in stretches(verdicts)] == run["verdicts"]
    if run["well"]:
        assert not any(one.failing for one in verdicts)
        assert verdicts[-1].kind == STABLE
    else:
        assert all(one.kind != STABLE for one in verdicts)


def test_half_of_the_runs_and_more_had_no_part_in_any_limit() -> None:
    held_out = [run for run in RUNS if run["held_out"]]
    assert 2 * len(held_out) >= len(RUNS)
    assert {run["well"] for run in held_out} == {True, False}
