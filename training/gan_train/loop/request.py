"""The request for a training, from the command line or from Python."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Any, TypedDict, Unpack

from gan_core.errors import DataError, UsageError, check_least
from gan_core.storage import Folder, open_folder
from gan_core.text import short_repr
from gan_pipeline.dataset.manifest import MANIFEST
from gan_train.logs.oversight import Oversight
from gan_train.loop.stopping import StopWhen, parse_stop_when
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import changed_recipe
from gan_train.runs.layout import SESSIONS
from gan_train.runs.operation import DEFAULTS, Operation, Options, read_operation
from gan_train.runs.origin import Parent, as_begun, read_parent
from gan_train.runs.run_folder import find_recipe, holds_run, read_record, read_status
from gan_train.runs.sessions import SessionRecord, read_sessions

CLUSTER_TIMEOUT = 300.0
"""Seconds to wait for the other workers of TF_CONFIG, unless the caller says otherwise."""

JIT = ("on", "off", "auto")
"""Whether XLA compiles the forward and backward passes; "auto" decides by the devices."""

Overrides = Mapping[str, Any] | Sequence[str]
"""Changes to a recipe: {"batch_size": 128, "generator.optimizer.learning_rate": 1e-4}, or "batch_size=128" for each."""


class ResumeOptions(TypedDict, total=False):
    """The options by which a run can be continued. None stands for what is left out.

    Attributes:
        overrides: changes to the recipe, by key: {"batch_size": 128, "generator.optimizer.learning_rate": 1e-4}.
        steps: the step to train to; None is the recipe's.
        strategy: "auto", "default", "mirrored", "multiworker" or "tpu".
        logical_cpus: devices to split the CPU into, to try "mirrored" on it. The first call of a process that uses
            TensorFlow decides it.
        jit: whether XLA compiles the forward and backward passes: "on", "off", or "auto", which is on on GPUs only.
        on_divergence: what a number that is not finite leads to: "stop", "rollback" or "warn".
        on_failure: what a failure that lasts, such as mode collapse, leads to: "warn", "stop" or "rollback".
        max_rollbacks: largest number of rollbacks in the whole life of the run.
        keep: which checkpoints stay, such as "last=3,every=1000,best=d.loss:min".
        on_corrupt: what a damaged shard leads to: "fail" or "skip-shard".
        stop_when: when the run ends by itself, such as "fid:no-better:5" or "snapshot.diversity:max:no-better:3".
        cluster_timeout: seconds to wait for the other workers of TF_CONFIG.
        track: "mlflow", "wandb" or "mlflow,wandb": they get the same numbers and pictures; or "none".
        evaluate_every: measure the FID at one of so many snapshots; 0 is never. It changes nothing that is trained.
        step_timeout: seconds without a step after which the whole process ends itself; 0, which is never, unless given.
        metrics_port: port at which Prometheus can read the numbers of the training.
        metrics_file: file for its textfile collector.
    """

    overrides: Overrides
    steps: int | None
    strategy: str | None
    logical_cpus: int | None
    jit: str | None
    on_divergence: str | None
    on_failure: str | None
    max_rollbacks: int | None
    keep: str | None
    on_corrupt: str | None
    stop_when: str | None
    cluster_timeout: float
    track: str | None
    evaluate_every: int | None
    step_timeout: float
    metrics_port: int | None
    metrics_file: str | None


class TrainingOptions(ResumeOptions, total=False):
    """The options of `gan-train run` and `gan_train.train`: those of `ResumeOptions`, whose defaults are
    `gan_train.runs.operation.DEFAULTS`, and those that say how a run begins.

    Attributes:
        short: take the recipe's own overrides for a training of minutes.
        init_from: run whose newest checkpoint, or that of "RUN@STEP", gives a new run its first weights, by name and shape.
        init_players: names of the players that take them; none means all.
        init_optimizers: whether they take the state of their optimizers, too.
        freeze: layers that get no update, such as "discriminator.down_1..2".
    """

    short: bool
    init_from: str | None
    init_players: Sequence[str]
    init_optimizers: bool
    freeze: Sequence[str]


@dataclass(frozen=True)
class Request:
    """A request for a training: recipe, dataset, run folder, devices and policies.

    Attributes:
        recipe: as the caller chose it; its `steps` is the step to train to.
        data: dataset folder, a path or gs:// URI.
        out: run folder, a path or gs:// URI; continued if it holds this run.
        options: those of the command that say how a run is operated, by name.
        operation: what a divergence, a failure or a damaged shard leads to, and which checkpoints stay.
        stop: when the run ends by itself; None is at its last step.
        parent: where the first weights of a new run come from; None is from random numbers.
        cluster_timeout: seconds to wait for the other workers of a cluster.
        oversight: how the process is watched.
    """

    recipe: Recipe
    data: str
    out: str
    options: Options
    operation: Operation
    stop: StopWhen | None
    parent: Parent | None
    cluster_timeout: float
    oversight: Oversight = field(default_factory=Oversight)

    @property
    def strategy(self) -> str:
        """Name of a distribution strategy; see `gan_train.distribution.strategy.make_strategy`."""
        return str(self.options["strategy"])

    @property
    def logical_cpus(self) -> int:
        """Devices that the CPU is split into, to try several devices without GPUs."""
        return int(self.options["logical_cpus"])

    @property
    def jit(self) -> str:
        """Whether XLA compiles the forward and backward passes; one of `JIT`."""
        return str(self.options["jit"])


def read_request(recipe: str, data: str, out: str, **options: Unpack[TrainingOptions]) -> Request:
    """A request, checked as far as that is possible without the data and the devices.

    Args:
        recipe: name of a recipe, of a YAML file, or of a run folder.
        data: dataset folder, a path or gs:// URI.
        out: run folder, a path or gs:// URI.
        options: see `TrainingOptions`.

    Raises:
        TypeError: there is no option of that name.
        UsageError: the recipe or an option is wrong; the message names it.
    """
    _refuse_unknown(options, TrainingOptions.__optional_keys__)
    freeze = options.get("freeze") or ()
    frozen = [f"freeze={dumps(list(freeze))}"] if freeze else []
    overrides = [*_texts(options.get("overrides", ())), *frozen, *_last_step(options)]
    chosen = find_recipe(recipe, overrides, options.get("short", False))
    players, optimizers = tuple(options.get("init_players", ())), options.get("init_optimizers", False)
    parent = read_parent(options.get("init_from"), players, optimizers)
    return _request(chosen, data, out, DEFAULTS, parent, options)


def read_resumption(out: str, data: str | None, **options: Unpack[ResumeOptions]) -> Request:
    """A request to continue a run, from its folder alone: all that the options leave open is as in its newest session.

    Args:
        out: run folder, a path or gs:// URI.
        data: dataset folder, a path or gs:// URI; None is that of the newest session.
        options: see `ResumeOptions`.

    Raises:
        DataError: the folder holds no run, or a damaged one; or the dataset is not where it was.
        TypeError: there is no option of that name.
        UsageError: an option is wrong; the message names it.
    """
    _refuse_unknown(options, ResumeOptions.__optional_keys__)
    run = open_folder(out)
    record, sessions = read_record(run), read_sessions(run)
    newest = sessions[-1] if sessions else None
    if newest:
        _check_session(run, record.recipe, newest)
    before = [f"{name}={value}" for name, value in newest.intervals.items()] if newest else []
    last = [f"steps={newest.to_step if newest else _last_known_step(run, record.recipe)}"]
    overrides = [*before, *last, *_texts(options.get("overrides", ())), *_last_step(options)]
    known = newest.data if newest else record.dataset
    if data is None and not open_folder(known).exists(MANIFEST):
        raise DataError(f"{out}: its dataset is not at {known} any more; name the folder it is in now with --data")
    operated = {**DEFAULTS, **newest.options} if newest else DEFAULTS
    return _request(changed_recipe(record.recipe, overrides), data or known, out, operated, None, options)


def begun_from(request: Request, run: Folder) -> Parent | None:
    """Where the first weights of a run come from: as its record says if it has begun, else as the request says.

    Raises:
        UsageError: the two differ.
    """
    return as_begun(request.parent, read_record(run), run.uri) if holds_run(run) else request.parent


def absolute(uri: str) -> str:
    """A folder's path or gs:// URI, as it is found from any working folder."""
    return uri if uri.startswith("gs://") else str(Path(uri).absolute())


def _request(recipe: Recipe, data: str, out: str, before: Options, parent: Parent | None, given: ResumeOptions) -> Request:
    check_least(1, steps=given.get("steps"), logical_cpus=given.get("logical_cpus"), max_rollbacks=given.get("max_rollbacks"))
    check_least(0, evaluate_every=given.get("evaluate_every"))
    named: Mapping[str, Any] = given
    options = {name: value if named.get(name) is None else named[name] for name, value in before.items() if name in DEFAULTS}
    if options["jit"] not in JIT:
        raise UsageError(f"--jit: choose one of: {', '.join(JIT)} (got {short_repr(options['jit'])})")
    stop = parse_stop_when(str(options["stop_when"]))
    return Request(
        recipe,
        data,
        out,
        options,
        read_operation(options),
        stop,
        parent,
        given.get("cluster_timeout", CLUSTER_TIMEOUT),
        _oversight(given),
    )


def _oversight(given: ResumeOptions) -> Oversight:
    step_timeout = given.get("step_timeout", 0.0)
    if not 0 <= step_timeout < threading.TIMEOUT_MAX / 4:
        raise UsageError(f"step_timeout={step_timeout}: seconds, or 0 for never")
    port = given.get("metrics_port")
    if port is not None and not 1 <= port <= 65535:
        raise UsageError(f"metrics_port={port}: a port from 1 to 65535")
    return Oversight(step_timeout, port, given.get("metrics_file"))


def _refuse_unknown(options: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raise TypeError, as Python does for an unknown keyword, for an option that is not known."""
    unknown = sorted(options.keys() - known)
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}; known are: {', '.join(sorted(known))}")


def _last_step(options: ResumeOptions) -> list[str]:
    steps = options.get("steps")
    return [f"steps={steps}"] if steps is not None else []


def _check_session(run: Folder, recipe: Recipe, session: SessionRecord) -> None:
    """Raise DataError if a session has a value that no command takes: the message on it would name no file."""
    try:
        changed_recipe(recipe, [f"{name}={value}" for name, value in session.intervals.items()] + [f"steps={session.to_step}"])
        request = _request(recipe, session.data, run.uri, {**DEFAULTS, **session.options}, None, {})
        check_least(1, logical_cpus=request.logical_cpus)
    except (UsageError, ValueError) as error:
        raise DataError(f"{run.locate(SESSIONS)}: its last line was edited ({error}); remove it from the file") from error


def _last_known_step(run: Folder, recipe: Recipe) -> int:
    """The last step of the newest session of a run of version 0.1, which has no record of sessions."""
    status = read_status(run)
    return status.steps if status else recipe.steps


def _texts(overrides: Overrides) -> list[str]:
    """Overrides as the command line has them: key.path=value, the value in YAML, of which JSON is a part."""
    return [f"{key}={dumps(value)}" for key, value in overrides.items()] if isinstance(overrides, Mapping) else list(overrides)
