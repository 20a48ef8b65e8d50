"""The list of dropped inputs, failures.jsonl, and the test whether there are too many of them."""

import json
import math
from collections import Counter
from collections.abc import Iterable

from pydantic import TypeAdapter

from gan_core.documents import read_json_lines
from gan_core.errors import DataError
from gan_core.storage import Folder
from gan_core.text import printable
from gan_pipeline.dataset.features import Frozen

FAILURES = "failures.jsonl"
_REMEDY = "prepare the dataset again"

_SURE_AFTER, _SIGMAS = 50, 6.0


class Failure(Frozen):
    """One line of failures.jsonl: a dropped input, the stage, the reason, and the checksum of the input at that time."""

    id: str
    split: str
    stage: str
    reason: str
    detail: str = ""
    checksum: str = ""


_FAILURE = TypeAdapter(Failure)


def write_failures(folder: Folder, failures: Iterable[Failure]) -> None:
    """Write failures.jsonl, one line for each, in the order given."""
    lines = (json.dumps(failure.model_dump(), ensure_ascii=False) + "\n" for failure in failures)
    folder.write(FAILURES, "".join(lines).encode())


def read_failures(folder: Folder) -> list[Failure]:
    """The lines of failures.jsonl. Raises DataError if one is not such a line."""
    return [failure for _, failure in read_json_lines(folder, FAILURES, _FAILURE, _REMEDY)]


def beyond_chance(failed: int, read: int, rate: float) -> bool:
    """Whether so many failures among so many inputs leave no doubt that more than `rate` of all inputs are unusable.

    Inputs come in random order, so a part of them tells: six standard deviations of a binomial above the expectation.
    """
    return read >= _SURE_AFTER and failed > rate * read + _SIGMAS * math.sqrt(rate * (1 - rate) * read)


def too_many(failures: Iterable[Failure], read: int, rate: float, where: str) -> DataError:
    """The error that says that too many of the inputs, or all, are unusable, with the reasons and the first example."""
    failures = list(failures)
    counts = Counter(failure.reason for failure in failures)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
    example = failures[0]
    detail = f": {example.detail}" if example.detail else ""
    if len(failures) <= rate * read:
        share, remedy = f"all {read:,} inputs are unusable", "check --source"
    else:
        share = f"{len(failures):,} of {read:,} inputs are unusable, more than --max-failure-rate {rate:g} allows"
        remedy = "check --source, or raise the rate"
    return DataError(f"{where}: {share} ({reasons}; the first is {printable(example.id)}, {example.reason}{detail}); {remedy}")
