"""A job file: where a command runs, with how much of what, for how long, and what may be spent on it.

    name: digits
    image: europe-docker.pkg.dev/acme/ganmill/cpu:0.1.0
    resources: {cpus: 4, memory: 16Gi, disk: 50Gi}
    maximum: {hours: 12}
    kubernetes: {namespace: training}
    gcp: {project: acme, region: europe-west4, machine_type: n2-standard-4}

One file does for all targets; a target reads the section that bears its name beside the common keys.
"""

import re
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gan_core.documents import YAML_BYTES, first_fault, known_keys, parse_yaml
from gan_core.errors import UsageError
from gan_core.jobs.cron import check_schedule
from gan_core.plain import suggestion
from gan_core.text import printable

_QUANTITY = re.compile(r"^([1-9]\d{0,6})(Mi|Gi)$")


def _checked_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no time zone of the IANA database, such as Etc/UTC or Europe/Berlin")
    return name


def _checked_image(name: str) -> str:
    tag = name.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if "@sha256:" not in name and tag in ("", "latest"):
        raise ValueError("name a version or a digest, such as REGISTRY/ganmill:0.1.0, so that a retry runs the same code")
    return name


Quantity = Annotated[str, Field(pattern=_QUANTITY.pattern)]
"""An amount of memory or disk: whole mebibytes or gibibytes, such as 512Mi or 16Gi."""

Schedule = Annotated[str, AfterValidator(check_schedule)]
"""Five fields of cron: minute, hour, day of the month, month, day of the week."""

_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_SecretName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?$")]
_LabelKey = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$")]
_LabelValue = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$")]


def mebibytes(quantity: str) -> int:
    """The size of a `Quantity` in mebibytes."""
    found = _QUANTITY.match(quantity)
    assert found, "the job file was checked"
    return int(found[1]) * (1024 if found[2] == "Gi" else 1)


class _Section(BaseModel):
    """A part of the job file; unknown keys are refused and no value is converted from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Resources(_Section):
    """The share of each worker.

    Attributes:
        cpus: processor cores.
        memory: main memory.
        disk: space for the run's cache and temporary files.
        gpus: number of GPUs.
        gpu_type: their name on Google Cloud, such as nvidia-l4.
    """

    cpus: float = Field(default=2, gt=0, le=1024)
    memory: Quantity = "8Gi"
    disk: Quantity = "20Gi"
    gpus: int = Field(default=0, ge=0, le=16)
    gpu_type: str | None = None


class Maximum(_Section):
    """When the job is ended at the latest, all attempts together. One of the two must be given.

    Attributes:
        hours: time on the wall for each worker or task.
        cost: what all workers or tasks together may cost, in the currency of `price_per_hour`.
    """

    hours: float | None = Field(default=None, gt=0, le=24 * 365)
    cost: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_is_given(self) -> "Maximum":
        if self.hours is None and self.cost is None:
            raise ValueError("give hours, cost or both, so that a job that hangs does not cost money for ever")
        return self


class Toleration(_Section):
    """A taint of nodes that the job tolerates; without a value, any value."""

    key: str
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"


class Kubernetes(_Section):
    """Keys that only Kubernetes and JobSet need.

    Attributes:
        namespace: of the job, its service and its secrets.
        service_account: its rights, such as those on a bucket by workload identity.
        queue: the local queue of Kueue that admits it.
        node_selector: labels that its nodes must have.
        tolerations: taints of nodes that it tolerates.
        spot_nodes: the label, also a taint, of machines that may vanish; by default that of GKE.
        volumes: names of persistent volume claims by the folder where they are mounted.
        grace_seconds: time from SIGTERM to SIGKILL, for one call of steps and one checkpoint.
        keep_days: how long a finished job stays visible.
    """

    namespace: str = Field(default="default", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    service_account: str | None = None
    queue: str | None = None
    node_selector: dict[str, str] = {}
    tolerations: list[Toleration] = []
    spot_nodes: dict[str, str] = {"cloud.google.com/gke-spot": "true"}
    volumes: dict[Annotated[str, Field(pattern=r"^/[^\s:]+$")], _SecretName] = {}
    grace_seconds: int = Field(default=120, ge=1, le=3600)
    keep_days: float = Field(default=7, ge=0)


class GoogleCloud(_Section):
    """Keys that only Google Cloud needs.

    Attributes:
        project: that pays for the job.
        region: where it runs.
        machine_type: of each worker, such as n2-standard-4.
        service_account: e-mail address of the account with rights on the bucket; it also starts scheduled jobs.
        network: full name of a VPC network, projects/PROJECT/global/networks/NAME.
        subnetwork: full name of a subnetwork, for Batch.
        staging: a gs:// folder for what Dataflow needs while it runs.
        external_ip: whether machines of Batch have addresses outside of the network.
        endpoint: another address of the APIs, such as that of Private Service Connect; http:// is asked without credentials.
    """

    project: str = Field(pattern=r"^[a-z][a-z0-9.:-]{4,61}[a-z0-9]$")
    region: str = Field(pattern=r"^[a-z]+-[a-z]+\d+$")
    machine_type: str = Field(pattern=r"^[a-z0-9][a-z0-9-]+$")
    service_account: str | None = None
    network: str | None = None
    subnetwork: str | None = None
    staging: str | None = Field(default=None, pattern=r"^gs://[^/\s]+(/\S*)?$")
    external_ip: bool = True
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/\s]+$")


class JobSpec(_Section):
    """A job without its command.

    Attributes:
        name: the first part of the job's name.
        image: the container image, with a version or digest.
        workers: processes that train together, each on a machine or in a pod of its own.
        resources: of each worker.
        spot: whether machines may vanish, for a lower price.
        retries: how often the job is started again after exit codes that may pass. Interruptions by the scheduler come on top
            on Kubernetes.
        maximum: hours and cost.
        price_per_hour: of one worker, in any currency.
        doctor: whether the program looks at the machine and its rights before the command begins.
        environment: variables of the process.
        secrets: names of secrets by the variable that receives their content.
        labels: of the job.
        schedule: when the job is started, for example every night.
        time_zone: of the schedule.
        kubernetes: read by the targets kubernetes and jobset.
        gcp: read by the targets gcp-batch, vertex and dataflow.
    """

    name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")
    image: Annotated[str, Field(pattern=r"^[^\s]+$"), AfterValidator(_checked_image)]
    workers: int = Field(default=1, ge=1, le=256)
    resources: Resources = Resources()
    spot: bool = False
    retries: int = Field(default=3, ge=0, le=10)
    maximum: Maximum
    price_per_hour: float | None = Field(default=None, gt=0)
    doctor: bool = True
    environment: dict[_Variable, str] = {}
    secrets: dict[_Variable, _SecretName] = {}
    labels: dict[_LabelKey, _LabelValue] = {}
    schedule: Schedule | None = None
    time_zone: Annotated[str, AfterValidator(_checked_time_zone)] = "Etc/UTC"
    kubernetes: Kubernetes = Kubernetes()
    gcp: GoogleCloud | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "JobSpec":
        if self.maximum.cost is not None and self.price_per_hour is None:
            raise ValueError("maximum.cost needs price_per_hour, the price of one worker for an hour")
        twice = sorted(set(self.environment) & set(self.secrets))
        if twice:
            raise ValueError(f"{twice[0]} stands under environment and under secrets; keep one of them")
        reserved = sorted({"TF_CONFIG", "TASK_INDEX", "JOB_NAME"} & (set(self.environment) | set(self.secrets)))
        if reserved:
            raise ValueError(f"{reserved[0]} is set by submit itself; leave it out of environment and secrets")
        return self


def read_spec(path: str) -> JobSpec:
    """The job file in a YAML file.

    Raises:
        UsageError: the file cannot be read, or a key or value in it is wrong; the message names it.
    """
    try:
        with open(path, "rb") as file:
            documents = parse_yaml(file.read(YAML_BYTES + 1))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name the job file by --spec, see docs/guides/jobs.md") from error
    except ValueError as error:
        raise UsageError(f"{path}: not valid YAML: {error}") from error
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise UsageError(f"{path}: not one mapping of keys to values; docs/guides/jobs.md has an example")
    return check_spec(documents[0], path)


def check_spec(document: dict[str, Any], where: str) -> JobSpec:
    """The job file from its document; `where` names the file in messages. Raises UsageError."""
    try:
        return JobSpec.model_validate(document)
    except ValidationError as error:
        raise UsageError(f"{where}: {_explained(error)}") from error


def _explained(error: ValidationError) -> str:
    """The first unknown key, which may be why another is missing, with the one that it resembles; else the first fault."""
    unknown = next((fault for fault in error.errors(include_url=False) if fault["type"] == "extra_forbidden"), None)
    if unknown is None:
        return first_fault(error)
    *sections, key = unknown["loc"]
    keys = known_keys(JobSpec, sections)
    known = suggestion(str(key), keys) or f"; known are: {', '.join(keys)}"
    return printable(f"{'.'.join(map(str, unknown['loc']))}: unknown key{known}")
