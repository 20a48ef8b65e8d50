"""The worker processes of one run, as the environment variable TF_CONFIG names them.

    {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 1}}

A "chief" beside the workers, as Vertex AI and Kubeflow write it, comes before them; without one, worker 0 is the chief.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field, NonNegativeInt, ValidationError, model_validator

from gan_core.errors import UsageError
from gan_core.plain import in_plain_words

Job = Literal["chief", "worker"]
StrategyName = Literal["auto", "default", "mirrored", "multiworker", "tpu"]
_Address = Annotated[str, Field(pattern=r"^[^\s/]+:[1-9]\d{0,4}$")]


@dataclass(frozen=True)
class Worker:
    """One worker process.

    Attributes:
        job: its task type in TF_CONFIG.
        index: its number among the tasks of that type.
        address: host:port.
    """

    job: Job
    index: int
    address: str

    def __str__(self) -> str:
        return f"{self.job} {self.index} ({self.address})"

    @property
    def host(self) -> str:
        """Name or IP address of its machine."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port at which TensorFlow listens."""
        return int(self.address.rpartition(":")[2])


@dataclass(frozen=True)
class Cluster:
    """The workers of a run, in the order of TensorFlow.

    Attributes:
        workers: two or more; the first is the chief, which alone writes the run folder.
        position: index of this process among them.
    """

    workers: tuple[Worker, ...]
    position: int

    @property
    def chief(self) -> Worker:
        """The worker that writes the run folder."""
        return self.workers[0]

    @property
    def own(self) -> Worker:
        """The worker that this process is."""
        return self.workers[self.position]

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.position == 0


class _Task(BaseModel):
    type: Job
    index: NonNegativeInt


class _TFConfig(BaseModel):
    """The parts of TF_CONFIG that are read; schedulers add keys of their own."""

    cluster: dict[Job, list[_Address]]
    task: _Task

    @model_validator(mode="after")
    def _check(self) -> "_TFConfig":
        addresses = [address for job in self.cluster.values() for address in job]
        twice = [address for address in addresses if addresses.count(address) > 1]
        if twice:
            raise ValueError(f"cluster names {twice[0]} twice")
        if len(self.cluster.get("chief", ())) > 1:
            raise ValueError("cluster has more than one chief")
        size = len(self.cluster.get(self.task.type, ()))
        if self.task.index >= size:
            raise ValueError(f"task.index is {self.task.index}, but cluster has {size} of type {self.task.type!r}")
        return self


def find_cluster(name: str, environment: Mapping[str, str]) -> Cluster | None:
    """The other workers that this process trains with, or None if it trains alone.

    Args:
        name: of the strategy; "auto" and "multiworker" read TF_CONFIG.
        environment: environment variables, of which TF_CONFIG is read.

    Raises:
        UsageError: TF_CONFIG is wrong, or missing for "multiworker"; or the name is unknown.
    """
    if name not in get_args(StrategyName):
        raise UsageError(f"--strategy {name!r} is unknown; choose one of: {', '.join(get_args(StrategyName))}")
    tf_config = environment.get("TF_CONFIG", "")
    if name == "multiworker" and not tf_config:
        raise UsageError("--strategy multiworker: TF_CONFIG is not set; it names the workers, see deploy/README.md")
    return read_cluster(tf_config) if tf_config and name in ("auto", "multiworker") else None


def check_logical_cpus(name: str, logical_cpus: int, cluster: Cluster | None) -> None:
    """Check that splitting the CPU goes with the strategy. Raises UsageError if it does not."""
    if logical_cpus > 1 and (cluster or name == "tpu"):
        raise UsageError("--logical-cpus splits the CPU of one machine; it does not go with several workers or a TPU")


def read_cluster(tf_config: str) -> Cluster | None:
    """The cluster that TF_CONFIG describes, or None if it has one worker only.

    Raises:
        UsageError: it is not JSON, lacks a part, or contradicts itself.
    """
    try:
        config = _TFConfig.model_validate_json(tf_config)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise UsageError(
            f"TF_CONFIG: {f'{where}: ' if where else ''}{in_plain_words(fault['msg'])}; it is to look like "
            '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}, see deploy/README.md'
        ) from error
    jobs: tuple[Job, ...] = ("chief", "worker")
    workers = tuple(Worker(job, index, address) for job in jobs for index, address in enumerate(config.cluster.get(job, ())))
    own = next(
        position
        for position, worker in enumerate(workers)
        if (worker.job, worker.index) == (config.task.type, config.task.index)
    )
    return Cluster(workers, own) if len(workers) > 1 else None
