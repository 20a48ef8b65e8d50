"""How a run is operated: the options that may differ from one `gan-train run` of a folder to the next.

operation = read_operation(DEFAULTS | {"on_failure": "rollback", "keep": "last=3,every=1000,best=d.loss:min"})
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal, cast, get_args

from gan_core.errors import UsageError
from gan_train.runs.retention import Keep, parse_keep

OnDivergence = Literal["stop", "rollback", "warn"]
OnFailure = Literal["warn", "stop", "rollback"]
OnCorrupt = Literal["fail", "skip-shard"]
Tracker = Literal["mlflow", "wandb"]


@dataclass(frozen=True)
class Operation:
    """The options of a training beside its recipe.

    Attributes:
        on_divergence: what a number that is not finite leads to; loop/divergence.py has the rules.
        on_failure: what a training that fails for long leads to; loop/failure.py has the rules.
        max_rollbacks: in the whole life of a run.
        keep: which checkpoints stay.
        on_corrupt: what a damaged shard leads to; data/reader.py has the rules.
        track: services that follow the training too, such as "mlflow".
        evaluate_every: measure the FID at one of so many snapshots, where a packaged classifier knows the data; 0 is never.
    """

    on_divergence: OnDivergence = "stop"
    on_failure: OnFailure = "warn"
    max_rollbacks: int = 3
    keep: Keep = field(default_factory=Keep)
    on_corrupt: OnCorrupt = "fail"
    track: tuple[Tracker, ...] = ()
    evaluate_every: int = 1


Options = Mapping[str, str | int]
"""The options of `gan-train run` that say how a run is operated, by name."""

DEFAULTS: dict[str, str | int] = {
    "strategy": "auto",
    "logical_cpus": 1,
    "jit": "auto",
    "on_divergence": "stop",
    "on_failure": "warn",
    "max_rollbacks": 3,
    "keep": "last=3",
    "on_corrupt": "fail",
    "stop_when": "never",
    "track": "none",
    "evaluate_every": 1,
}


def read_operation(options: Options) -> Operation:
    """The operation that these options of the command mean. Raises UsageError that names a wrong one and the choices."""
    on_divergence, on_failure, on_corrupt, keep = (
        str(options[name]) for name in ("on_divergence", "on_failure", "on_corrupt", "keep")
    )
    return Operation(
        cast(OnDivergence, _one_of(get_args(OnDivergence), "--on-divergence", on_divergence)),
        cast(OnFailure, _one_of(get_args(OnFailure), "--on-failure", on_failure)),
        int(options["max_rollbacks"]),
        parse_keep(keep),
        cast(OnCorrupt, _one_of(get_args(OnCorrupt), "--on-corrupt", on_corrupt)),
        _trackers(str(options["track"])),
        int(options["evaluate_every"]),
    )


def _trackers(names: str) -> tuple[Tracker, ...]:
    """The trackers of --track, each once; the extra of the same name must be installed."""
    if names == "none":
        return ()
    trackers = tuple(cast(Tracker, _one_of(get_args(Tracker), "--track", name)) for name in names.split(","))
    for tracker in trackers:
        if find_spec(tracker) is None:
            raise UsageError(f"--track {tracker}: not installed here; pip install 'ganmill[{tracker}]'")
    return tuple(dict.fromkeys(trackers))


def _one_of(words: tuple[str, ...], option: str, word: str) -> str:
    if word not in words:
        raise UsageError(f"{option} {word!r} is unknown; choose one of: {', '.join(words)}")
    return word
