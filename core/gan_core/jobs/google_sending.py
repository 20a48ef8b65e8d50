"""Submission to Google Cloud, with the user's application default credentials."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import Conflict, GoogleAPICallError, RetryError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import batch_v1, scheduler_v1
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.services.job_service.transports.rest import JobServiceRestTransport
from google.cloud.batch_v1.services.batch_service.transports.rest import BatchServiceRestTransport
from google.cloud.scheduler_v1.services.cloud_scheduler.transports.rest import CloudSchedulerRestTransport
from requests.exceptions import RequestException

from gan_core.errors import SubmissionError, UsageError
from gan_core.jobs.batch import batch_job
from gan_core.jobs.cloud_scheduler import scheduled
from gan_core.jobs.google_cloud import plain, section
from gan_core.jobs.job import Job
from gan_core.jobs.vertex import custom_job

_TIMEOUT_SECONDS = 60
"""For one request."""

_Client = TypeVar("_Client")


def send_batch(job: Job) -> str:
    """Create a job of Batch, or its schedule, and return the command that follows it.

    Raises:
        UsageError: this very job exists already.
        SubmissionError: Google Cloud refuses it or does not answer.
    """
    message = batch_job(job)
    if job.spec.schedule:
        return _send_schedule(job, scheduled(job, plain(message), "gcp-batch"))
    gcp = section(job, "gcp-batch")
    with _errors(job):
        client = _client(batch_v1.BatchServiceClient, BatchServiceRestTransport, gcp.endpoint or "https://batch.googleapis.com")
        client.create_job(
            parent=f"projects/{gcp.project}/locations/{gcp.region}", job=message, job_id=job.name, timeout=_TIMEOUT_SECONDS
        )
    return f"gcloud batch jobs describe {job.name} --project {gcp.project} --location {gcp.region}"


def send_vertex(job: Job) -> str:
    """Create a custom job of Vertex AI, or its schedule, and return the command that follows it. Raises as `send_batch`.

    Vertex AI gives jobs names of its own, so that the same one can be sent twice.
    """
    message = custom_job(job)
    if job.spec.schedule:
        return _send_schedule(job, scheduled(job, plain(message), "vertex"))
    gcp = section(job, "vertex")
    endpoint = gcp.endpoint or f"https://{gcp.region}-aiplatform.googleapis.com"
    with _errors(job):
        client = _client(JobServiceClient, JobServiceRestTransport, endpoint)
        created = client.create_custom_job(
            parent=f"projects/{gcp.project}/locations/{gcp.region}", custom_job=message, timeout=_TIMEOUT_SECONDS
        )
    return f"gcloud ai custom-jobs stream-logs {created.name}"


def _send_schedule(job: Job, message: scheduler_v1.Job) -> str:
    gcp = section(job, "gcp-batch")
    parent = f"projects/{gcp.project}/locations/{gcp.region}"
    with _errors(job):
        endpoint = gcp.endpoint or "https://cloudscheduler.googleapis.com"
        client = _client(scheduler_v1.CloudSchedulerClient, CloudSchedulerRestTransport, endpoint)
        try:
            client.create_job(parent=parent, job=message, timeout=_TIMEOUT_SECONDS)
        except Conflict:
            client.update_job(job=message, timeout=_TIMEOUT_SECONDS)
    return f"gcloud scheduler jobs describe {job.name} --project {gcp.project} --location {gcp.region}"


def _client(kind: type[_Client], transport: Any, endpoint: str) -> _Client:
    """A client of an API. Plain HTTP is for emulators, which must not see the user's credentials."""
    scheme, host = endpoint.split("://")
    if scheme == "http":
        return kind(transport=transport(host=host, url_scheme="http", credentials=AnonymousCredentials()))  # type: ignore[call-arg]
    return kind(transport="rest", client_options=ClientOptions(api_endpoint=host))  # type: ignore[call-arg]


@contextmanager
def _errors(job: Job) -> Iterator[None]:
    """Turn what the clients raise in the block into errors of ours."""
    try:
        yield
    except Conflict as error:
        raise UsageError(
            f"{job.name}: this very job exists in the project; delete it there, or change its name in the job file to run "
            "it once more"
        ) from error
    except GoogleAPICallError as error:
        raise SubmissionError(f"{job.name}: Google Cloud refuses the job: {error.message}") from error
    except GoogleAuthError as error:
        raise SubmissionError(f"{job.name}: {error}; log in by: gcloud auth application-default login") from error
    except (RetryError, RequestException) as error:
        raise SubmissionError(f"{job.name}: Google Cloud does not answer ({error}); repeat the command later") from error
