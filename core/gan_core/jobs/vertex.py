"""A custom job of Vertex AI, which tells the workers each other by TF_CONFIG."""

from google.cloud.aiplatform_v1.types import (
    ContainerSpec,
    CustomJob,
    CustomJobSpec,
    DiskSpec,
    EnvVar,
    MachineSpec,
    Scheduling,
    WorkerPoolSpec,
)
from google.protobuf.duration_pb2 import Duration

from gan_core.errors import UsageError
from gan_core.jobs.google_cloud import labels, section
from gan_core.jobs.job import Job
from gan_core.jobs.spec import mebibytes

_SMALLEST_DISK_GB = 100
"""Vertex AI gives a machine at least this much."""


def custom_job(job: Job) -> CustomJob:
    """The message that creates a job.

    Vertex AI ends a job with the first exit code that is not 0. So the launcher starts the command again itself, after exit
    codes that may pass.

    Raises:
        UsageError: the job needs what Vertex AI does not have: secrets, or tasks of an array.
    """
    gcp = section(job, "vertex")
    if job.spec.secrets:
        raise UsageError(
            "--target vertex: Vertex AI gives containers no secrets; leave them out, or take --target gcp-batch or kubernetes"
        )
    if job.array:
        raise UsageError("--target vertex: a custom job has no array of tasks; take --target gcp-batch or kubernetes")
    pools = [_pool(job, 1)] if job.spec.workers == 1 else [_pool(job, 1), _pool(job, job.spec.workers - 1)]
    return CustomJob(
        display_name=job.name,
        job_spec=CustomJobSpec(
            worker_pool_specs=pools,
            scheduling=Scheduling(
                timeout=Duration(seconds=job.seconds),
                restart_job_on_worker_restart=job.spec.workers > 1,
                strategy=Scheduling.Strategy.SPOT if job.spec.spot else Scheduling.Strategy.STANDARD,
            ),
            service_account=gcp.service_account,
            network=gcp.network,
        ),
        labels=labels(job),
    )


def _pool(job: Job, replicas: int) -> WorkerPoolSpec:
    gcp, asked, launched = section(job, "vertex"), job.spec.resources, job.launched(job.spec.retries)
    gpus = (
        {"accelerator_type": asked.gpu_type.upper().replace("-", "_"), "accelerator_count": asked.gpus}
        if asked.gpu_type
        else {}
    )
    return WorkerPoolSpec(
        machine_spec=MachineSpec(machine_type=gcp.machine_type, **gpus),
        replica_count=replicas,
        disk_spec=DiskSpec(boot_disk_size_gb=max(_SMALLEST_DISK_GB, -(-mebibytes(asked.disk) // 1024))),
        container_spec=ContainerSpec(
            image_uri=job.spec.image,
            command=launched[:1],
            # Vertex AI reads $(NAME) as a variable, and $$ as $.
            args=[argument.replace("$", "$$") for argument in launched[1:]],
            env=[EnvVar(name=name, value=value.replace("$", "$$")) for name, value in job.environment.items()],
        ),
    )
