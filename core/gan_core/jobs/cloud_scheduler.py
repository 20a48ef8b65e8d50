"""A job of Cloud Scheduler, which asks the API of Batch or Vertex AI for the same job at each of its times."""

import json
from typing import Any

from google.cloud import scheduler_v1

from gan_core.errors import UsageError
from gan_core.jobs.google_cloud import section
from gan_core.jobs.job import Job

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def scheduled(job: Job, request: dict[str, Any], target: str) -> scheduler_v1.Job:
    """The message that creates a schedule.

    Args:
        job: the job, which has a schedule.
        request: the job as JSON of the API that makes it.
        target: gcp-batch or vertex.

    Raises:
        UsageError: there is no service account in whose name the job is made.
    """
    gcp = section(job, target)
    if gcp.service_account is None:
        raise UsageError("a schedule needs gcp.service_account, in whose name the job is made each time")
    parent = f"projects/{gcp.project}/locations/{gcp.region}"
    address = {
        "gcp-batch": f"https://batch.googleapis.com/v1/{parent}/jobs",
        "vertex": f"https://{gcp.region}-aiplatform.googleapis.com/v1/{parent}/customJobs",
    }[target]
    return scheduler_v1.Job(
        name=f"{parent}/jobs/{job.name}",
        schedule=job.spec.schedule,
        time_zone=job.spec.time_zone,
        http_target=scheduler_v1.HttpTarget(
            uri=address,
            http_method=scheduler_v1.HttpMethod.POST,
            headers={"Content-Type": "application/json"},
            body=json.dumps(request, sort_keys=True).encode(),
            oauth_token=scheduler_v1.OAuthToken(service_account_email=gcp.service_account, scope=_SCOPE),
        ),
    )
