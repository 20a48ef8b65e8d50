"""The scores there are, and scores.jsonl: one line for each step of a run that was scored.

for scored in read_scores(run):
    print(*scored.lines(), sep="\\n")     # FID 12.3 [digits-classifier 3fa9…, train 10000 vs 10000, EMA, ...]
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_train.runs.layout import SCORES
from gan_train.scoring.protocol import Protocol


@dataclass(frozen=True)
class Score:
    """A kind of score.

    Attributes:
        title: for people.
        better: which end is better; None where neither is, as of a diversity that should be the reals'.
        about: what it says, in a few words.
    """

    title: str
    better: Literal["min", "max"] | None
    about: str


KINDS: dict[str, Score] = {
    "fid": Score("FID", "min", "distance of the features' means and covariances; 0 is equal"),
    "kid": Score("KID", "min", "squared maximum mean discrepancy of features, without bias; 0 is equal"),
    "inception_score": Score("IS", "max", "sure of each image's class and spread over classes; at most their number"),
    "precision": Score("precision", "max", "share of fakes among reals: fidelity"),
    "recall": Score("recall", "max", "share of reals among fakes: variety"),
    "density": Score("density", "max", "how many reals have a fake in their neighbourhood, for each fake; 1 for reals"),
    "coverage": Score("coverage", "max", "share of reals with a fake in their neighbourhood"),
    "ms_ssim": Score("MS-SSIM", None, "how alike two fakes are; compare with the reals'"),
    "ms_ssim_of_reals": Score("MS-SSIM of reals", None, "how alike two reals are"),
    "class_coverage": Score("class coverage", "max", "share of the reals' classes that appear among fakes"),
    "class_balance": Score("class balance", "max", "1 less half the difference of class shares of fakes and reals"),
    "class_agreement": Score("class agreement", "max", "share of fakes that show the class that was asked for"),
}
"""By their names in scores.jsonl. A score measured several times has its standard deviation beside it, as "kid_std"."""


@dataclass(frozen=True)
class Scored:
    """The scores of one step of a run.

    Attributes:
        protocol: how it was measured.
        values: by name.
    """

    protocol: Protocol
    values: Mapping[str, float]

    def document(self) -> dict[str, Any]:
        """As a line of scores.jsonl has it."""
        return {"step": self.protocol.step, "scores": dict(self.values), "protocol": asdict(self.protocol)}

    def lines(self) -> list[str]:
        """Every score with its protocol."""
        return [f"{KINDS[name].title} {self.text(name)} {self.protocol}" for name in self.values if name in KINDS]

    def text(self, name: str) -> str:
        """A score in four digits, with its deviation if it has one."""
        deviation = self.values.get(f"{name}_std")
        return f"{self.values[name]:.4g}" + (f" ± {deviation:.2g}" if deviation is not None else "")


def read_scores(run: Folder) -> list[Scored]:
    """All lines of scores.jsonl, in the order they were made; none if nothing was scored. Raises DataError at a damaged one."""
    if not run.exists(SCORES):
        return []
    lines = run.read(SCORES).decode(errors="replace").splitlines()
    return [_scored(run, line, number) for number, line in enumerate(lines, 1)]


def add_scored(run: Folder, scored: Scored) -> None:
    """Put a line after the others; the file is whole at every moment, and several processes may add at once, on gs:// too."""
    line = json.dumps(scored.document()).encode() + b"\n"
    run.update(SCORES, lambda before: before + line)


def _scored(run: Folder, line: str, number: int) -> Scored:
    try:
        document: dict[str, Any] = json.loads(line)
        return Scored(Protocol(**document["protocol"]), {name: float(value) for name, value in document["scores"].items()})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{run.locate(SCORES)}: line {number} is damaged; remove it from the file") from error
