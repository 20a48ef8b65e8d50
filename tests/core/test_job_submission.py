"""`submit --submit` sends what `--print` shows, by each target's own client, and says in words what went wrong."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import batch_v1, scheduler_v1
from google.cloud.aiplatform_v1.types import CustomJob
from google.protobuf.json_format import ParseDict

from tests.support.commands import Ran
from tests.support.fake_api import FakeApi, fake_api
from tests.support.jobs import SPEC, printed, submit

pytestmark = pytest.mark.quick

NIGHTLY = {"schedule": "0 3 * * *"}
JOBS = "/apis/batch/v1/namespaces/default/jobs"
CRON_JOBS = "/apis/batch/v1/namespaces/default/cronjobs"
BATCH = "/v1/projects/acme-vision/locations/europe-west4/jobs"


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """An API that is the cluster of the kubeconfig."""
    with fake_api() as served:
        monkeypatch.setenv("KUBECONFIG", served.kubeconfig(tmp_path))
        yield served


TWO = {"workers": 2, "secrets": {"GANMILL_SECRET": "cluster-secret"}}


def send(folder: Path, target: str, changes: dict[str, Any]) -> Ran:
    return submit(folder, {**SPEC, **changes}, ["--target", target, "--submit"])


def test_a_job_is_sent_to_kubernetes(tmp_path: Path, api: FakeApi) -> None:
    ran = send(tmp_path, "kubernetes", TWO)
    job, service = printed(tmp_path, "kubernetes", TWO)
    name = job["metadata"]["name"]
    assert (ran.code, ran.out) == (
        0,
        f"submitted: {name}; follow it by: kubectl --namespace default logs --follow job/{name}\n",
    )
    first, second = api.requests
    assert (first.method, first.path, first.body) == ("POST", JOBS, job)
    assert (second.method, second.path) == ("POST", "/api/v1/namespaces/default/services")
    # The cluster removes the service with the job.
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": "uid-of-the-job"}
    assert second.body["metadata"].pop("ownerReferences") == [owner]
    assert second.body == service


def test_a_job_set_is_sent_to_kubernetes(tmp_path: Path, api: FakeApi) -> None:
    ran = send(tmp_path, "jobset", TWO)
    assert ran.code == 0, ran.err
    (request,) = api.requests
    assert request.path == "/apis/jobset.x-k8s.io/v1alpha2/namespaces/default/jobsets"
    assert [request.body] == printed(tmp_path, "jobset", TWO)


def test_a_changed_schedule_replaces_the_one_before(tmp_path: Path, api: FakeApi) -> None:
    api.answers.append((409, {"message": "exists"}))
    assert send(tmp_path, "kubernetes", NIGHTLY).code == 0
    created, replaced = api.requests
    assert (created.method, created.path) == ("POST", CRON_JOBS)
    assert (replaced.method, replaced.path) == ("PUT", f"{CRON_JOBS}/digits")
    assert [replaced.body] == printed(tmp_path, "kubernetes", NIGHTLY)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [(409, 2, "this very job exists in namespace default"), (403, 5, "the cluster refuses the job: jobs.batch is forbidden")],
)
def test_a_cluster_that_refuses(tmp_path: Path, api: FakeApi, status: int, code: int, message: str) -> None:
    api.answers.append((status, {"message": "jobs.batch is forbidden"}))
    ran = send(tmp_path, "kubernetes", {})
    assert (ran.code, ran.out) == (code, "") and message in ran.err


def test_a_cluster_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_api() as ended:
        monkeypatch.setenv("KUBECONFIG", ended.kubeconfig(tmp_path))
    ran = send(tmp_path, "kubernetes", {})
    assert ran.code == 5 and "the cluster does not answer" in ran.err
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    ran = send(tmp_path, "kubernetes", {})
    assert ran.code == 2 and "no cluster of Kubernetes is configured" in ran.err


def read(document: Any, kind: Any) -> Any:
    """A document as a message: clients send the numbers of enums, where `--print` writes their names."""
    return ParseDict(document, kind.pb(kind()))


def on(api: FakeApi, **changes: Any) -> dict[str, Any]:
    return {"gcp": {**SPEC["gcp"], "endpoint": api.address}, **changes}


def test_a_job_is_sent_to_batch(tmp_path: Path, api: FakeApi) -> None:
    ran = send(tmp_path, "gcp-batch", on(api))
    (request,) = api.requests
    path, query = request.path.split("?")
    name = next(part for part in query.split("&") if part.startswith("jobId=")).removeprefix("jobId=")
    assert (request.method, path) == ("POST", BATCH) and name.startswith("digits-")
    assert [read(request.body, batch_v1.Job)] == [read(one, batch_v1.Job) for one in printed(tmp_path, "gcp-batch", on(api))]
    assert ran.code == 0 and f"submitted: {name}; follow it by: gcloud batch jobs describe {name}" in ran.out


def test_a_job_is_sent_to_vertex_ai(tmp_path: Path, api: FakeApi) -> None:
    (sent,) = printed(tmp_path, "vertex", on(api))
    api.answers.append((200, {"name": "projects/1/locations/europe-west4/customJobs/7"}))
    ran = send(tmp_path, "vertex", on(api))
    (request,) = api.requests
    assert request.path.split("?")[0] == "/v1/projects/acme-vision/locations/europe-west4/customJobs"
    assert read(request.body, CustomJob) == read(sent, CustomJob)
    assert ran.code == 0 and "gcloud ai custom-jobs stream-logs projects/1/locations/europe-west4/customJobs/7" in ran.out


@pytest.mark.parametrize("target", ["gcp-batch", "vertex"])
def test_a_schedule_is_sent_to_cloud_scheduler(tmp_path: Path, api: FakeApi, target: str) -> None:
    changes = on(api, **NIGHTLY)
    api.answers.append((409, {"error": {"message": "exists"}}))
    ran = send(tmp_path, target, changes)
    assert ran.code == 0, ran.err
    created, updated = api.requests
    assert (created.method, created.path.split("?")[0]) == ("POST", BATCH)
    assert (updated.method, updated.path.split("?")[0]) == ("PATCH", f"{BATCH}/digits")
    (sent,) = printed(tmp_path, target, changes)
    assert read(created.body, scheduler_v1.Job) == read(sent, scheduler_v1.Job)
    # The name of what is updated stands in the path alone.
    assert created.body == {**updated.body, "name": f"{BATCH.removeprefix('/v1/')}/digits"}
    assert json.loads(b64decode(created.body["httpTarget"]["body"]))


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [(409, 2, "this very job exists in the project"), (403, 5, ": no right")],
)
def test_a_cloud_that_refuses(tmp_path: Path, api: FakeApi, status: int, code: int, message: str) -> None:
    api.answers.append((status, {"error": {"message": "no right"}}))
    ran = send(tmp_path, "gcp-batch", on(api))
    assert (ran.code, ran.out) == (code, "") and message in ran.err


def test_a_cloud_that_does_not_answer(tmp_path: Path) -> None:
    with fake_api() as ended:
        pass
    ran = send(tmp_path, "gcp-batch", on(ended))
    assert ran.code == 5 and "Google Cloud does not answer" in ran.err


def test_without_credentials_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    ran = send(tmp_path, "gcp-batch", {})
    assert ran.code == 5 and "gcloud auth application-default login" in ran.err
