"""How a run is operated: the options that may differ from one `gan-train run` of a folder to the next.

operation = read_operation("rollback", "warn", 3, "last=3,every=1000,best=d.loss:min", "skip-shard")
"""

from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from gan_core.errors import UsageError
from gan_train.runs.retention import Keep, parse_keep

OnDivergence = Literal["stop", "rollback", "warn"]
OnFailure = Literal["warn", "stop", "rollback"]
OnCorrupt = Literal["fail", "skip-shard"]


@dataclass(frozen=True)
class Operation:
    """The options of a training beside its recipe.

    Attributes:
        on_divergence: what a number that is not finite leads to; loop/divergence.py has the rules.
        on_failure: what a training that fails for long leads to; loop/failure.py has the rules.
        max_rollbacks: in the whole life of a run.
        keep: which checkpoints stay.
        on_corrupt: what a damaged shard leads to; data/reader.py has the rules.
    """

    on_divergence: OnDivergence = "stop"
    on_failure: OnFailure = "warn"
    max_rollbacks: int = 3
    keep: Keep = field(default_factory=Keep)
    on_corrupt: OnCorrupt = "fail"


def read_operation(on_divergence: str, on_failure: str, max_rollbacks: int, keep: str, on_corrupt: str) -> Operation:
    """The operation that these options of the command mean. Raises UsageError that names a wrong one and the choices."""
    return Operation(
        cast(OnDivergence, _one_of(get_args(OnDivergence), "--on-divergence", on_divergence)),
        cast(OnFailure, _one_of(get_args(OnFailure), "--on-failure", on_failure)),
        max_rollbacks,
        parse_keep(keep),
        cast(OnCorrupt, _one_of(get_args(OnCorrupt), "--on-corrupt", on_corrupt)),
    )


def _one_of(words: tuple[str, ...], option: str, word: str) -> str:
    if word not in words:
        raise UsageError(f"{option} {word!r} is unknown; choose one of: {', '.join(words)}")
    return word
