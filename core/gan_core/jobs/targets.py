"""The targets by name: what is printed for each, and how it is sent. Client libraries are imported when they are needed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import yaml

from gan_core.errors import UsageError
from gan_core.jobs.job import Job


class Target(StrEnum):
    """Where a job can run."""

    KUBERNETES = "kubernetes"
    JOBSET = "jobset"
    GCP_BATCH = "gcp-batch"
    VERTEX = "vertex"
    DATAFLOW = "dataflow"

    @property
    def on_kubernetes(self) -> bool:
        """Whether it is a cluster of Kubernetes, where a job may have volumes."""
        return self in (Target.KUBERNETES, Target.JOBSET)


def documents(job: Job, target: Target) -> list[dict[str, Any]]:
    """The objects or messages that make a job, as plain mappings with the names of the target's API.

    Raises:
        UsageError: the target cannot do what the job asks for, or its client library is not installed.
    """
    with _installed(target):
        match target:
            case Target.KUBERNETES:
                from gan_core.jobs import kubernetes_job

                return [kubernetes_job.plain(one) for one in kubernetes_job.kubernetes_objects(job)]
            case Target.JOBSET:
                from gan_core.jobs.jobset import job_set

                return [job_set(job).to_dict()]
            case Target.VERTEX:
                from gan_core.jobs.vertex import custom_job

                return _google(job, custom_job(job), target)
            case Target.GCP_BATCH:
                from gan_core.jobs.batch import batch_job

                return _google(job, batch_job(job), target)
            case Target.DATAFLOW:
                from gan_core.jobs.dataflow import driver

                return documents(driver(job), Target.GCP_BATCH)


def _google(job: Job, message: Any, target: Target) -> list[dict[str, Any]]:
    from gan_core.jobs.cloud_scheduler import scheduled
    from gan_core.jobs.google_cloud import plain

    return [plain(scheduled(job, plain(message), target) if job.spec.schedule else message)]


def manifest(job: Job, target: Target) -> str:
    """The documents as text: YAML for `kubectl apply`, JSON for `gcloud`. Raises as `documents`."""
    parts = documents(job, target)
    if target.on_kubernetes:
        return yaml.safe_dump_all(parts, sort_keys=False, width=120, explicit_start=len(parts) > 1).rstrip("\n")
    (only,) = parts
    return json.dumps(only, indent=2, sort_keys=True)


def send(job: Job, target: Target) -> str:
    """Submit a job, and return the command that follows it.

    Raises:
        UsageError: as `documents`, or this very job exists already.
        SubmissionError: the target refuses it or does not answer.
    """
    with _installed(target):
        if target.on_kubernetes:
            from gan_core.jobs import kubernetes_sending

            return kubernetes_sending.send_job(job) if target is Target.KUBERNETES else kubernetes_sending.send_job_set(job)
        from gan_core.jobs import google_sending

        if target is Target.VERTEX:
            return google_sending.send_vertex(job)
        if target is Target.DATAFLOW:
            from gan_core.jobs.dataflow import driver

            job = driver(job)
        return google_sending.send_batch(job)


@contextmanager
def _installed(target: Target) -> Iterator[None]:
    """Turn the absence of a client library into a message that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        extra = "kubernetes" if target.on_kubernetes else "gcp"
        raise UsageError(f"--target {target} needs {error.name}; install it by: pip install 'ganmill[{extra}]'") from error
