"""Histories of real trainings: what the rules read of metrics.jsonl, four digits of it, in tests/data/diagnosis.

python -m tests.support.histories RUN...     adds runs, from their folders
"""

import gzip
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from gan_core.storage import open_folder
from gan_train.logs.metrics_log import Row, read_metrics

FOLDER = Path(__file__).parents[1] / "data" / "diagnosis"

_SAMPLES = ("common", "distance", "roughness", "distinct_reals", "reals")
_READ = (
    "loss",
    "score",
    "score_real",
    "score_fake",
    "accuracy",
    "accuracy_real",
    "accuracy_fake",
    "adversarial",
    "penalty",
    "estimate",
    "diversity",
    *_SAMPLES,
)


def read_history(name: str) -> list[Row]:
    """The rows of a history, in order."""
    lines = gzip.decompress((FOLDER / f"{name}.jsonl.gz").read_bytes()).splitlines()
    return [json.loads(line) for line in lines]


def histories(prefix: str) -> list[str]:
    """Names of the histories of a recipe, one for each seed."""
    ending = ".jsonl.gz"
    return sorted(path.name.removesuffix(ending) for path in FOLDER.glob(f"{prefix}-[0-9]{ending}"))


def write_history(name: str, rows: Iterable[Row]) -> None:
    """Keep a history. Its bytes follow from the rows."""
    lines = "".join(json.dumps(_thinned(row)) + "\n" for row in rows)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))


def _thinned(row: Row) -> Row:
    kept = {name: value for name, value in row.items() if name.rpartition(".")[2].removeprefix("class_") in _READ}
    return {"step": row["step"]} | {name: float(f"{value:.4g}") for name, value in kept.items()}


if __name__ == "__main__":
    for run in sys.argv[1:]:
        write_history(Path(run).name, read_metrics(open_folder(run)))
