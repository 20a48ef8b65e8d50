"""Submission to Kubernetes: to the cluster of the user's kubeconfig, or to that of the pod in which this runs."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import config
from kubernetes.client import (
    ApiException,
    BatchV1Api,
    CoreV1Api,
    CustomObjectsApi,
    V1CronJob,
    V1Job,
    V1OwnerReference,
    V1Service,
)
from urllib3.exceptions import HTTPError

from gan_core.errors import SubmissionError, UsageError
from gan_core.jobs.job import Job
from gan_core.jobs.jobset import GROUP, PLURAL, VERSION, job_set
from gan_core.jobs.kubernetes_job import kubernetes_objects

_TIMEOUT_SECONDS = 30
"""For one request."""

_CONFLICT = 409


def send_job(job: Job) -> str:
    """Create the objects of a job, and return the command that follows it.

    A scheduled job takes the place of the one with the same name. The service of the workers is removed with the job.

    Raises:
        UsageError: there is no kubeconfig, or this very job exists already.
        SubmissionError: the cluster refuses it or does not answer.
    """
    _configure()
    namespace = job.spec.kubernetes.namespace
    first, *services = kubernetes_objects(job)
    with _errors(job):
        owner = _created(first, job.name, namespace)
        for service in services:
            assert isinstance(service, V1Service)
            assert service.metadata and first.kind
            service.metadata.owner_references = [
                V1OwnerReference(api_version="batch/v1", kind=first.kind, name=job.name, uid=owner.metadata.uid)
            ]
            try:
                CoreV1Api().create_namespaced_service(namespace, service, _request_timeout=_TIMEOUT_SECONDS)
            except ApiException as error:
                # That of the schedule before, with the same name and ports.
                if error.status != _CONFLICT or not job.spec.schedule:
                    raise
                CoreV1Api().patch_namespaced_service(job.name, namespace, service, _request_timeout=_TIMEOUT_SECONDS)
    if job.spec.schedule:
        return f"kubectl --namespace {namespace} get cronjob {job.name}"
    return f"kubectl --namespace {namespace} logs --follow job/{job.name}"


def send_job_set(job: Job) -> str:
    """Create the JobSet of a job, and return the command that follows it. Raises as `send_job`."""
    _configure()
    namespace = job.spec.kubernetes.namespace
    with _errors(job):
        CustomObjectsApi().create_namespaced_custom_object(
            GROUP, VERSION, namespace, PLURAL, job_set(job).to_dict(), _request_timeout=_TIMEOUT_SECONDS
        )
    return f"kubectl --namespace {namespace} get jobset {job.name}"


def _created(one: V1Job | V1CronJob | V1Service, name: str, namespace: str) -> Any:
    api = BatchV1Api()
    if isinstance(one, V1Job):
        return api.create_namespaced_job(namespace, one, _request_timeout=_TIMEOUT_SECONDS)
    assert isinstance(one, V1CronJob)
    try:
        return api.create_namespaced_cron_job(namespace, one, _request_timeout=_TIMEOUT_SECONDS)
    except ApiException as error:
        if error.status != _CONFLICT:
            raise
        return api.replace_namespaced_cron_job(name, namespace, one, _request_timeout=_TIMEOUT_SECONDS)


def _configure() -> None:
    """Choose the cluster. The client reads KUBECONFIG when it is imported, which may be long ago."""
    file = os.environ.get("KUBECONFIG")
    try:
        config.load_config(**({"config_file": file} if file else {}))
    except config.ConfigException as error:
        raise UsageError(
            f"no cluster of Kubernetes is configured ({error}); set KUBECONFIG, or log in to the cluster"
        ) from error


@contextmanager
def _errors(job: Job) -> Iterator[None]:
    """Turn what the client raises in the block into errors of ours."""
    try:
        yield
    except ApiException as error:
        if error.status == _CONFLICT:
            raise UsageError(
                f"{job.name}: this very job exists in namespace {job.spec.kubernetes.namespace}; to run it once more, delete "
                "it there, or change its name in the job file"
            ) from error
        raise SubmissionError(f"{job.name}: the cluster refuses the job: {_message(error)}") from error
    except HTTPError as error:
        raise SubmissionError(f"{job.name}: the cluster does not answer ({error}); repeat the command later") from error


def _message(error: ApiException) -> str:
    """The message of a Status object of the API, or what HTTP says."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"
