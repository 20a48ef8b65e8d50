"""Helpers for the tests of reports and comparisons: copies of runs, scores and verdicts as the commands write them."""

import json
import shutil
from pathlib import Path
from typing import Any

from gan_core.storage import open_folder
from gan_train.logs.verdict import Verdict, write_verdicts
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.scores import Scored, add_scored

STABLE = Verdict(6, "stable", False, 2, "stable", ("Both losses stay near 0.69.",))
COLLAPSED = Verdict(
    6,
    "mode-collapse",
    True,
    3,
    "mode collapse",
    ("100 samples have 0.41 of the real diversity.",),
    ("A larger latent: --set latent_size=100.",),
)


def copied(run: Path, to: Path) -> Path:
    """A run of its own for a test that writes into it."""
    return Path(shutil.copytree(run, to))


def protocol(step: int, *, resizer: str = "none", fakes: int = 1000) -> Protocol:
    return Protocol("digits-classifier", "3fa9" * 16, resizer, "77c1" * 16, "test", 1000, fakes, 0, "EMA", step)


def score(run: Path, step: int, resizer: str = "none", fakes: int = 1000, **values: float) -> None:
    """A line of scores.jsonl, as `gan-train evaluate` adds it."""
    add_scored(open_folder(str(run)), Scored(protocol(step, resizer=resizer, fakes=fakes), values))


def judge(run: Path, *verdicts: Verdict) -> None:
    """diagnosis.jsonl, as `gan-train diagnose` writes it."""
    write_verdicts(open_folder(str(run)), verdicts)


def charts_of(page: str) -> dict[str, Any]:
    """The data of a page's charts."""
    found = page.partition('<script type="application/json" id="charts">')[2].partition("</script>")[0]
    charts: dict[str, Any] = json.loads(found)
    return charts
