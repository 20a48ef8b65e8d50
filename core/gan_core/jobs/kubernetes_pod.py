"""The pod of a job in the types of the Kubernetes client: one container that may write nothing but its cache."""

from kubernetes.client import (
    V1Capabilities,
    V1Container,
    V1EmptyDirVolumeSource,
    V1EnvVar,
    V1EnvVarSource,
    V1ObjectFieldSelector,
    V1ObjectMeta,
    V1PersistentVolumeClaimVolumeSource,
    V1PodSecurityContext,
    V1PodSpec,
    V1PodTemplateSpec,
    V1ResourceRequirements,
    V1SeccompProfile,
    V1SecretKeySelector,
    V1SecurityContext,
    V1Toleration,
    V1Volume,
    V1VolumeMount,
)

from gan_core.jobs.job import CACHE, INDEX, Job
from gan_core.jobs.tf_config import tf_config

CONTAINER = "main"
"""The name of the one container."""

_GPU = "nvidia.com/gpu"
USER = 10001
"""The user and group of the image, in numbers, so that Kubernetes can see that it is not root."""

_INDEX_ANNOTATION = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
_JOB_LABEL = "metadata.labels['batch.kubernetes.io/job-name']"


def labels(job: Job) -> dict[str, str]:
    """The labels of all objects of a job."""
    own = {"app.kubernetes.io/name": "ganmill", "app.kubernetes.io/managed-by": job.program}
    return job.spec.labels | own | {"ganmill/job": job.spec.name, "ganmill/digest": job.digest[:32]}


def pod_template(job: Job, addresses: list[str]) -> V1PodTemplateSpec:
    """The pods of a job.

    Args:
        job: the job.
        addresses: host:port of its workers, in which $(JOB_NAME) is the name of the Kubernetes job; empty for one worker.
    """
    section = job.spec.kubernetes
    spec = V1PodSpec(
        containers=[_container(job, addresses)],
        restart_policy="Never",
        service_account_name=section.service_account,
        automount_service_account_token=False,
        subdomain=job.name if addresses else None,
        node_selector=(section.node_selector | (section.spot_nodes if job.spec.spot else {})) or None,
        tolerations=_tolerations(job) or None,
        security_context=V1PodSecurityContext(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            seccomp_profile=V1SeccompProfile(type="RuntimeDefault"),
        ),
        termination_grace_period_seconds=section.grace_seconds,
        volumes=[
            V1Volume(name="cache", empty_dir=V1EmptyDirVolumeSource(size_limit=job.spec.resources.disk)),
            *(
                V1Volume(name=f"volume-{number}", persistent_volume_claim=V1PersistentVolumeClaimVolumeSource(claim_name=claim))
                for number, claim in enumerate(section.volumes.values())
            ),
        ],
    )
    return V1PodTemplateSpec(metadata=V1ObjectMeta(labels=labels(job)), spec=spec)


def _container(job: Job, addresses: list[str]) -> V1Container:
    asked, launched = job.spec.resources, job.launched()
    # "200m" is a fifth of a core.
    requests = {"cpu": f"{round(asked.cpus * 1000)}m", "memory": asked.memory, "ephemeral-storage": asked.disk}
    gpus = {_GPU: str(asked.gpus)} if asked.gpus else {}
    return V1Container(
        name=CONTAINER,
        image=job.spec.image,
        command=list(launched[:1]),
        args=[_literal(one).replace(INDEX, "$(TASK_INDEX)") if job.array else _literal(one) for one in launched[1:]],
        env=_environment(job, addresses),
        # Memory beyond the request is taken from others, and ends in a kill at a bad time; spare processor time is free.
        resources=V1ResourceRequirements(requests=requests | gpus, limits={"memory": asked.memory} | gpus),
        security_context=V1SecurityContext(
            allow_privilege_escalation=False, read_only_root_filesystem=True, capabilities=V1Capabilities(drop=["ALL"])
        ),
        volume_mounts=[
            V1VolumeMount(name="cache", mount_path=CACHE),
            *(
                V1VolumeMount(name=f"volume-{number}", mount_path=path)
                for number, path in enumerate(job.spec.kubernetes.volumes)
            ),
        ],
    )


def _environment(job: Job, addresses: list[str]) -> list[V1EnvVar]:
    """The variables; those that others refer to come first, as Kubernetes asks for."""
    variables = []
    if job.array or addresses:
        variables.append(_from_field("TASK_INDEX", _INDEX_ANNOTATION))
    if addresses:
        variables.append(_from_field("JOB_NAME", _JOB_LABEL))
        variables.append(V1EnvVar(name="TF_CONFIG", value=tf_config(addresses, "$(TASK_INDEX)")))
    variables += [V1EnvVar(name=name, value=_literal(value)) for name, value in job.environment.items()]
    for name, secret in job.spec.secrets.items():
        reference = V1EnvVarSource(secret_key_ref=V1SecretKeySelector(name=secret, key=name))
        variables.append(V1EnvVar(name=name, value_from=reference))
    return variables


def _from_field(name: str, path: str) -> V1EnvVar:
    return V1EnvVar(name=name, value_from=V1EnvVarSource(field_ref=V1ObjectFieldSelector(field_path=path)))


def _literal(text: str) -> str:
    """A text in which Kubernetes replaces nothing: in commands and variables it reads $(NAME) as a variable, and $$ as $."""
    return text.replace("$", "$$")


def _tolerations(job: Job) -> list[V1Toleration]:
    section = job.spec.kubernetes
    chosen = [
        V1Toleration(key=one.key, value=one.value, effect=one.effect, operator="Exists" if one.value is None else "Equal")
        for one in section.tolerations
    ]
    if job.spec.spot:
        chosen += [
            V1Toleration(key=key, value=value, effect="NoSchedule", operator="Equal")
            for key, value in section.spot_nodes.items()
        ]
    if job.spec.resources.gpus:
        chosen.append(V1Toleration(key=_GPU, effect="NoSchedule", operator="Exists"))
    return chosen
