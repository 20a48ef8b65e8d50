"""The parts that all targets on Google Cloud share: their section of the job file, labels, messages as JSON."""

import json
from typing import Any

from google.protobuf.json_format import ParseDict

from gan_core.errors import UsageError
from gan_core.jobs.job import Job
from gan_core.jobs.spec import GoogleCloud


def section(job: Job, target: str) -> GoogleCloud:
    """The section gcp of the job file. Raises UsageError if it is missing."""
    if job.spec.gcp is None:
        raise UsageError(f"--target {target}: the job file has no section gcp with project, region and machine_type")
    return job.spec.gcp


def labels(job: Job) -> dict[str, str]:
    """The labels of a job and of its machines."""
    return job.spec.labels | {"ganmill-program": job.program, "ganmill-job": job.spec.name, "ganmill-digest": job.digest[:32]}


def plain(message: Any) -> dict[str, Any]:
    """A message of Google's client libraries as the JSON of its REST API, without fields that have their default.

    The JSON is parsed back, which refuses unknown fields and values, so that what is printed is what the API would read.
    """
    kind = type(message)
    text = kind.to_json(
        message, including_default_value_fields=False, use_integers_for_enums=False, preserving_proto_field_name=False
    )
    document: dict[str, Any] = json.loads(text)
    ParseDict(document, kind.pb(kind()))
    return document
