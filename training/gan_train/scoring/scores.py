"""The kinds of scores, and scores.jsonl: a line for each step of a run that was scored.

for scored in read_scores(run):
    print(*scored.lines(), sep="\\n")     # FID 12.3, ..., measured as [digits-classifier 3fa9…, ...]
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, TypeAdapter

from gan_core.documents import Whole, read_json_lines
from gan_core.storage import Folder
from gan_train.runs.layout import SCORES
from gan_train.scoring.protocol import Protocol


@dataclass(frozen=True)
class Score:
    """A kind of score.

    Attributes:
        title: name for people.
        better: whether lower or higher values are better; None if neither, as for a diversity that should equal that of reals.
        about: meaning in a few words.
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
"""All kinds by their names in scores.jsonl. The standard deviation of a score has the suffix "_std", as "kid_std"."""


@dataclass(frozen=True)
class Scored:
    """The scores of the generator of one step.

    Attributes:
        protocol: how they were computed.
        values: scores by name.
    """

    protocol: Protocol
    values: Mapping[str, float]

    def document(self) -> dict[str, Any]:
        """The document of a line of scores.jsonl."""
        return {"step": self.protocol.step, "scores": dict(self.values), "protocol": asdict(self.protocol)}

    @property
    def answer(self) -> dict[str, Any]:
        """The document of an answer to --json: `document`, with the warning if the scores are of few images."""
        return self.document() | ({"caution": self.protocol.caution} if self.protocol.caution else {})

    def lines(self) -> list[str]:
        """A line of text for each score, one with the protocol of all, and a warning if they are of few images."""
        lines = [f"{KINDS[name].title} {self.text(name)}" for name in self.values if name in KINDS]
        return [*lines, f"measured as {self.protocol}", *([self.protocol.caution] if self.protocol.caution else [])]

    def text(self, name: str) -> str:
        """A score with four digits, its standard deviation if it has one, and a remark if it is of few images."""
        deviation = self.values.get(f"{name}_std")
        few = " (few images)" if self.protocol.caution else ""
        return f"{self.values[name]:.4g}" + (f" ± {deviation:.2g}" if deviation is not None else "") + few


def read_scores(run: Folder) -> list[Scored]:
    """All lines of scores.jsonl in order; none if nothing was scored. Raises DataError at a damaged line."""
    if not run.exists(SCORES):
        return []
    lines = read_json_lines(run, SCORES, _LINE, "remove it from the file")
    return [Scored(line.protocol, line.scores) for _, line in lines]


def add_scored(run: Folder, scored: Scored) -> None:
    """Append a line to scores.jsonl. Several processes may do so at once, on gs:// too; the file is complete at all times."""
    line = json.dumps(scored.document()).encode() + b"\n"
    run.update(SCORES, lambda before: before + line)


@dataclass(frozen=True)
class _Line:
    """A line of scores.jsonl."""

    step: Whole
    scores: dict[str, float]
    protocol: Protocol


def _of_one_step(line: _Line) -> _Line:
    if line.step != line.protocol.step:
        raise ValueError(f"step is {line.step}, but {line.protocol.step} in its protocol")
    return line


_LINE = TypeAdapter(Annotated[_Line, AfterValidator(_of_one_step)])
