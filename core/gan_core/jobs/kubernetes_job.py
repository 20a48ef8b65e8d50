"""A job as objects of Kubernetes: an (indexed) Job or a CronJob, and the headless service by which several workers meet."""

from collections.abc import Sequence
from typing import Any

from kubernetes.client import (
    ApiClient,
    V1CronJob,
    V1CronJobSpec,
    V1Job,
    V1JobSpec,
    V1JobTemplateSpec,
    V1ObjectMeta,
    V1PodFailurePolicy,
    V1PodFailurePolicyOnExitCodesRequirement,
    V1PodFailurePolicyOnPodConditionsPattern,
    V1PodFailurePolicyRule,
    V1Service,
    V1ServicePort,
    V1ServiceSpec,
)

from gan_core.jobs.job import FINAL_CODES, INTERRUPTED, PORT, Job
from gan_core.jobs.kubernetes_pod import CONTAINER, labels, pod_template

DAY_SECONDS = 86_400


def kubernetes_objects(job: Job) -> list[V1Job | V1CronJob | V1Service]:
    """The objects of a job, the job itself first."""
    addresses = (
        [f"$(JOB_NAME)-{number}.{job.name}:{PORT}" for number in range(job.spec.workers)] if job.spec.workers > 1 else []
    )
    spec = job_spec(job, addresses, int(job.seconds * _rounds(job)), job.spec.retries, [_interruption(), _disruption()])
    spec.ttl_seconds_after_finished = int(job.spec.kubernetes.keep_days * DAY_SECONDS)
    objects: list[V1Job | V1CronJob | V1Service] = [
        _scheduled(job, job.spec.schedule, spec) if job.spec.schedule else _once(job, spec)
    ]
    if addresses:
        objects.append(_service(job))
    return objects


def plain(objects: Any) -> Any:
    """Objects of the Kubernetes client as plain mappings and lists, with the names of the API."""
    return ApiClient().sanitize_for_serialization(objects)


def metadata(job: Job) -> V1ObjectMeta:
    """Name, namespace and labels of an object of a job."""
    return V1ObjectMeta(name=job.name, namespace=job.spec.kubernetes.namespace, labels=_queued_labels(job))


def _queued_labels(job: Job) -> dict[str, str]:
    """The labels of what the queue of Kueue admits."""
    queue = job.spec.kubernetes.queue
    return labels(job) | ({"kueue.x-k8s.io/queue-name": queue} if queue else {})


def job_spec(
    job: Job, addresses: list[str], seconds: int, retries: int, ignored: Sequence[V1PodFailurePolicyRule] = ()
) -> V1JobSpec:
    """A job that fails at once after exit codes that come back with every attempt.

    Args:
        job: the job.
        addresses: as for `pod_template`.
        seconds: for how long all its pods may run together in time, from its start on.
        retries: how often a pod may fail for another reason.
        ignored: rules on failures that do not count as one of these.
    """
    pods = job.array.tasks if job.array else job.spec.workers
    final = V1PodFailurePolicyOnExitCodesRequirement(container_name=CONTAINER, operator="In", values=list(FINAL_CODES))
    return V1JobSpec(
        parallelism=job.array.at_once if job.array else pods,
        completions=pods,
        completion_mode="Indexed",
        # Each index of an array fails for itself; workers that train together count together.
        backoff_limit=None if job.array else retries,
        backoff_limit_per_index=retries if job.array else None,
        max_failed_indexes=pods if job.array else None,
        active_deadline_seconds=seconds,
        pod_failure_policy=V1PodFailurePolicy(
            rules=[V1PodFailurePolicyRule(action="FailIndex" if job.array else "FailJob", on_exit_codes=final), *ignored]
        ),
        template=pod_template(job, addresses),
    )


def _rounds(job: Job) -> float:
    """The number of tasks divided by the number that may run at once: the time of the job as a multiple of one task's."""
    return job.array.tasks / job.array.at_once if job.array else 1


def _interruption() -> V1PodFailurePolicyRule:
    """A signal or the loss of another worker ends a pod with 75; the next one continues, and no retry is used up."""
    codes = V1PodFailurePolicyOnExitCodesRequirement(container_name=CONTAINER, operator="In", values=[INTERRUPTED])
    return V1PodFailurePolicyRule(action="Ignore", on_exit_codes=codes)


def _disruption() -> V1PodFailurePolicyRule:
    """A node that vanishes, or is needed for something else, uses up no retry either."""
    condition = V1PodFailurePolicyOnPodConditionsPattern(type="DisruptionTarget", status="True")
    return V1PodFailurePolicyRule(action="Ignore", on_pod_conditions=[condition])


def _once(job: Job, spec: V1JobSpec) -> V1Job:
    return V1Job(api_version="batch/v1", kind="Job", metadata=metadata(job), spec=spec)


def _scheduled(job: Job, schedule: str, spec: V1JobSpec) -> V1CronJob:
    return V1CronJob(
        api_version="batch/v1",
        kind="CronJob",
        metadata=metadata(job),
        spec=V1CronJobSpec(
            schedule=schedule,
            time_zone=job.spec.time_zone,
            # Two of them would write the same folders.
            concurrency_policy="Forbid",
            # Kueue looks at the labels of each job that is started.
            job_template=V1JobTemplateSpec(metadata=V1ObjectMeta(labels=_queued_labels(job)), spec=spec),
        ),
    )


def _service(job: Job) -> V1Service:
    """The names of all workers in the cluster's DNS, also while they are not ready: they wait for each other."""
    return V1Service(
        api_version="v1",
        kind="Service",
        metadata=V1ObjectMeta(name=job.name, namespace=job.spec.kubernetes.namespace, labels=labels(job)),
        spec=V1ServiceSpec(
            cluster_ip="None",
            publish_not_ready_addresses=True,
            selector={"ganmill/digest": job.digest[:32]},
            ports=[V1ServicePort(name="tensorflow", port=PORT)],
        ),
    )
