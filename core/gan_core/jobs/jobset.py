"""A job as a JobSet: all workers are started again together as soon as one of them has failed."""

from kubeflow_trainer_api.models.io_k8s_api_batch_v1_job_template_spec import IoK8sApiBatchV1JobTemplateSpec
from kubeflow_trainer_api.models.io_k8s_apimachinery_pkg_apis_meta_v1_object_meta import (
    IoK8sApimachineryPkgApisMetaV1ObjectMeta,
)
from kubeflow_trainer_api.models.jobset_v1alpha2_failure_policy import JobsetV1alpha2FailurePolicy
from kubeflow_trainer_api.models.jobset_v1alpha2_failure_policy_rule import JobsetV1alpha2FailurePolicyRule
from kubeflow_trainer_api.models.jobset_v1alpha2_job_set import JobsetV1alpha2JobSet
from kubeflow_trainer_api.models.jobset_v1alpha2_job_set_spec import JobsetV1alpha2JobSetSpec
from kubeflow_trainer_api.models.jobset_v1alpha2_network import JobsetV1alpha2Network
from kubeflow_trainer_api.models.jobset_v1alpha2_replicated_job import JobsetV1alpha2ReplicatedJob
from kubernetes.client import V1JobTemplateSpec

from gan_core.errors import UsageError
from gan_core.jobs.job import PORT, Job
from gan_core.jobs.kubernetes_job import DAY_SECONDS, job_spec, metadata, plain

GROUP, VERSION, PLURAL = "jobset.x-k8s.io", "v1alpha2", "jobsets"
"""Where the API server of Kubernetes has JobSets."""

_WORKERS = "workers"


def job_set(job: Job) -> JobsetV1alpha2JobSet:
    """The JobSet of a job.

    One failed worker fails the Job, and with it the JobSet starts all workers again, `retries` times. Each attempt has its
    share of the time, since a JobSet limits only that of its Jobs.

    Raises:
        UsageError: the job is scheduled or an array, which a JobSet cannot be.
    """
    if job.spec.schedule:
        raise UsageError("--target jobset: a JobSet has no schedule; take --target kubernetes, which makes a CronJob")
    if job.array:
        raise UsageError("--target jobset: the tasks of an array need nothing of each other; take --target kubernetes")
    hosts = [f"{job.name}-{_WORKERS}-0-{number}.{job.name}:{PORT}" for number in range(job.spec.workers)]
    spec = job_spec(job, hosts if job.spec.workers > 1 else [], job.seconds_per_attempt, retries=0)
    template = plain(V1JobTemplateSpec(spec=spec))
    return JobsetV1alpha2JobSet(
        apiVersion=f"{GROUP}/{VERSION}",
        kind="JobSet",
        metadata=IoK8sApimachineryPkgApisMetaV1ObjectMeta.from_dict(plain(metadata(job))),
        spec=JobsetV1alpha2JobSetSpec(
            network=JobsetV1alpha2Network(enableDNSHostnames=True, publishNotReadyAddresses=True, subdomain=job.name),
            failurePolicy=JobsetV1alpha2FailurePolicy(
                maxRestarts=job.spec.retries,
                rules=[
                    JobsetV1alpha2FailurePolicyRule(
                        action="FailJobSet", name="finalExitCode", onJobFailureReasons=["PodFailurePolicy"]
                    )
                ],
            ),
            replicatedJobs=[
                JobsetV1alpha2ReplicatedJob(
                    name=_WORKERS, replicas=1, template=IoK8sApiBatchV1JobTemplateSpec.from_dict(template)
                )
            ],
            ttlSecondsAfterFinished=int(job.spec.kubernetes.keep_days * DAY_SECONDS),
        ),
    )
