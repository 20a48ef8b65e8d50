"""A job of Google Cloud Batch: a group of tasks on machines that exist as long as the job."""

from google.cloud import batch_v1
from google.protobuf.duration_pb2 import Duration

from gan_core.jobs.google_cloud import labels, section
from gan_core.jobs.job import CACHE, RETRIED_CODES, Job
from gan_core.jobs.spec import mebibytes

_MACHINE_CODES = (50001, 50002, 50003, 50004, 50005, 50006)
"""Exit codes of Batch itself: the machine vanished, was silent, rebooted, did not answer, had no time left, was replaced."""

_HOSTS_FILE = "/etc/cloudbatch-taskgroup-hosts"
"""The file on each machine that lists all of them."""

_SYSTEM_DISK_GB = 30
"""Space of the boot disk for the system and the image, beside what the job asks for."""


def batch_job(job: Job) -> batch_v1.Job:
    """The message that creates a job.

    Batch limits the time of an attempt alone, so that each of `retries` + 1 attempts has its share.
    """
    gcp, together = section(job, "gcp-batch"), job.spec.workers > 1
    task = batch_v1.TaskSpec(
        runnables=[batch_v1.Runnable(container=_container(job))],
        environment=batch_v1.Environment(
            variables=job.environment,
            secret_variables={
                name: f"projects/{gcp.project}/secrets/{secret}/versions/latest" for name, secret in job.spec.secrets.items()
            },
        ),
        compute_resource=batch_v1.ComputeResource(
            cpu_milli=round(job.spec.resources.cpus * 1000), memory_mib=mebibytes(job.spec.resources.memory)
        ),
        max_run_duration=Duration(seconds=job.seconds_per_attempt),
        max_retry_count=job.spec.retries,
        lifecycle_policies=[
            batch_v1.LifecyclePolicy(
                action=batch_v1.LifecyclePolicy.Action.RETRY_TASK,
                action_condition=batch_v1.LifecyclePolicy.ActionCondition(exit_codes=[*RETRIED_CODES, *_MACHINE_CODES]),
            )
        ]
        if job.spec.retries
        else [],
    )
    group = batch_v1.TaskGroup(
        task_spec=task,
        task_count=job.machines,
        parallelism=job.array.at_once if job.array else job.spec.workers,
        task_count_per_node=1,
        require_hosts_file=together,
    )
    return batch_v1.Job(
        task_groups=[group],
        allocation_policy=_machines(job),
        labels=labels(job),
        logs_policy=batch_v1.LogsPolicy(destination=batch_v1.LogsPolicy.Destination.CLOUD_LOGGING),
    )


def _container(job: Job) -> batch_v1.Runnable.Container:
    together = job.spec.workers > 1
    # A volume of Docker takes over the owner of the image's folder, so that its user may write there and nowhere else.
    options = ["--read-only", f"--mount=type=volume,dst={CACHE}", *(["--network=host"] if together else [])]
    launched = job.launched()
    return batch_v1.Runnable.Container(
        image_uri=job.spec.image,
        entrypoint=launched[0],
        commands=list(launched[1:]),
        volumes=[f"{_HOSTS_FILE}:{_HOSTS_FILE}:ro"] if together else [],
        options=" ".join(options),
    )


def _machines(job: Job) -> batch_v1.AllocationPolicy:
    gcp, policy = section(job, "gcp-batch"), batch_v1.AllocationPolicy
    asked = job.spec.resources
    network = policy.NetworkInterface(
        network=gcp.network, subnetwork=gcp.subnetwork, no_external_ip_address=not gcp.external_ip
    )
    return policy(
        location=policy.LocationPolicy(allowed_locations=[f"regions/{gcp.region}"]),
        instances=[
            policy.InstancePolicyOrTemplate(
                policy=policy.InstancePolicy(
                    machine_type=gcp.machine_type,
                    provisioning_model=policy.ProvisioningModel.SPOT if job.spec.spot else policy.ProvisioningModel.STANDARD,
                    accelerators=[policy.Accelerator(type_=asked.gpu_type, count=asked.gpus)] if asked.gpus else [],
                    boot_disk=policy.Disk(size_gb=_SYSTEM_DISK_GB + -(-mebibytes(asked.disk) // 1024)),
                ),
                install_gpu_drivers=bool(asked.gpus),
            )
        ],
        service_account=batch_v1.ServiceAccount(email=gcp.service_account) if gcp.service_account else None,
        labels=labels(job),
        network=policy.NetworkPolicy(network_interfaces=[network])
        if gcp.network or gcp.subnetwork or not gcp.external_ip
        else None,
    )
