"""`submit --print` writes manifests that the published schemas of each target accept, for exactly the command after `--`."""

import json
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from google.cloud import batch_v1, scheduler_v1
from google.cloud.aiplatform_v1.types import CustomJob
from google.protobuf.json_format import ParseDict
from kubeflow_trainer_api.models.jobset_v1alpha2_job_set import JobsetV1alpha2JobSet

from gan_train.distribution.cluster import read_cluster
from tests.support.jobs import PREPARE, RUN, SPEC, expanded, printed, submit

pytestmark = pytest.mark.quick

EVERYTHING = {
    "workers": 3,
    "resources": {"cpus": 7.5, "memory": "24Gi", "disk": "512Mi", "gpus": 1, "gpu_type": "nvidia-l4"},
    "spot": True,
    "retries": 2,
    "doctor": True,
    "maximum": {"hours": 12, "cost": 20},
    "price_per_hour": 0.5,
    "environment": {"TF_CPP_MIN_LOG_LEVEL": "1", "PRICE": "$(HOME) $5"},
    "secrets": {"GANMILL_SECRET": "cluster-secret"},
    "labels": {"team": "vision"},
    "kubernetes": {
        "namespace": "training",
        "service_account": "trainer",
        "queue": "nightly",
        "node_selector": {"pool": "gpus"},
        "tolerations": [{"key": "pool", "value": "gpus"}, {"key": "shared"}],
        "volumes": {"/pictures": "claim"},
        "grace_seconds": 60,
    },
}
"""Every key that a job file has, but those of schedules and Google Cloud."""

SECRET_FILE = {"GANMILL_SECRET_FILE": "gs://bucket/secret"}
NIGHTLY = {"schedule": "0 3 * * *", "time_zone": "Europe/Berlin"}
SWEEP = (*RUN[:-1], "gs://bucket/runs/{index}", "--set", "seed={index}")
ARRAY = ("--array", "12", "--at-once", "4")

KUBERNETES = [
    pytest.param({}, (), RUN, id="smallest"),
    pytest.param(EVERYTHING, (), RUN, id="everything"),
    pytest.param(EVERYTHING | NIGHTLY, (), RUN, id="nightly"),
    pytest.param(EVERYTHING | {"workers": 1}, ARRAY, SWEEP, id="array"),
    pytest.param({}, ("--schedule", "*/15 1-5 * jan,feb mon"), PREPARE, id="prepare"),
]


def strictly_valid(document: dict[str, Any]) -> None:
    """Check a document against the schemas of several versions of Kubernetes, which allow no unknown field."""
    for version in ("1.31", "1.34", "1.37"):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize(("changes", "options", "command"), KUBERNETES)
def test_objects_of_kubernetes_are_valid(
    tmp_path: Path, changes: dict[str, Any], options: tuple[str, ...], command: tuple[str, ...]
) -> None:
    for document in printed(tmp_path, "kubernetes", changes, options, command):
        strictly_valid(document)


def test_the_schemas_refuse_a_misspelt_field(tmp_path: Path) -> None:
    (job,) = printed(tmp_path, "kubernetes")
    job["spec"]["backofLimit"] = job["spec"].pop("backoffLimit")
    with pytest.raises(kubernetes_validate.ValidationError, match="backofLimit"):
        strictly_valid(job)


@pytest.mark.parametrize("changes", [{}, EVERYTHING])
def test_a_job_set_is_valid(tmp_path: Path, changes: dict[str, Any]) -> None:
    (document,) = printed(tmp_path, "jobset", changes)
    # The models drop what they do not know.
    assert JobsetV1alpha2JobSet.from_dict(document).to_dict() == document
    (replicated,) = document["spec"]["replicatedJobs"]
    strictly_valid({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}, **replicated["template"]})


def on_google_cloud(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key != "kubernetes"}


@pytest.mark.parametrize(
    ("changes", "options", "command"),
    [((), (), RUN), (EVERYTHING, (), RUN), (EVERYTHING | {"workers": 1}, ARRAY, SWEEP), ((), (), PREPARE)],
)
def test_a_job_of_batch_is_read_back(
    tmp_path: Path, changes: dict[str, Any], options: tuple[str, ...], command: tuple[str, ...]
) -> None:
    (document,) = printed(tmp_path, "gcp-batch", on_google_cloud(dict(changes)), options, command)
    ParseDict(document, batch_v1.Job.pb(batch_v1.Job()))


def test_a_job_of_vertex_ai_is_read_back(tmp_path: Path) -> None:
    changes = on_google_cloud(EVERYTHING) | {"secrets": {}, "environment": SECRET_FILE}
    for document in printed(tmp_path, "vertex") + printed(tmp_path, "vertex", changes):
        ParseDict(document, CustomJob.pb(CustomJob()))
    chief, workers = document["jobSpec"]["workerPoolSpecs"]
    assert (chief["replicaCount"], workers["replicaCount"]) == ("1", "2")
    assert chief["machineSpec"] == {"machineType": "n2-standard-4", "acceleratorType": "NVIDIA_L4", "acceleratorCount": 1}
    assert document["jobSpec"]["scheduling"] == {"timeout": "43200s", "restartJobOnWorkerRestart": True, "strategy": "SPOT"}


HOSTILE = (*RUN[:-1], "gs://bucket/$(HOME)/$$ a b/'\"{index}")


def test_the_command_arrives_as_it_was_written(tmp_path: Path) -> None:
    for target in ("kubernetes", "jobset"):
        (document,) = printed(tmp_path, target, command=HOSTILE)
        job = document["spec"]["replicatedJobs"][0]["template"] if target == "jobset" else document
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["command"] == ["python"]
        assert after_doctor([expanded(one, {"HOME": "/cache"}) for one in container["args"]]) == ["gan-train", *HOSTILE]
    (batch,) = printed(tmp_path, "gcp-batch", command=HOSTILE)
    (runnable,) = batch["taskGroups"][0]["taskSpec"]["runnables"]
    assert after_doctor(runnable["container"]["commands"]) == ["gan-train", *HOSTILE]
    (vertex,) = printed(tmp_path, "vertex", command=HOSTILE)
    container = vertex["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]
    launched = [expanded(one, {"HOME": "/cache"}) for one in container["args"]]
    assert launched.pop(2) == "--retries=3" and after_doctor(launched) == ["gan-train", *HOSTILE]


def after_doctor(arguments: list[str]) -> list[str]:
    """The command that the launcher starts once the doctor has found nothing; it comes first."""
    assert arguments[:5] == ["-m", "gan_core.jobs.launch", "--doctor=gan-train", "--doctor=doctor", "--doctor=--in-job"]
    return [argument for argument in arguments[5:] if not argument.startswith("--doctor=")]


def doctor_of(folder: Path, command: tuple[str, ...], changes: dict[str, Any] | None = None) -> list[str]:
    """The words of the doctor in the manifest for a command."""
    (job,) = printed(folder, "kubernetes", changes or {}, (), command)
    return [one.removeprefix("--doctor=") for one in container_of(job)["args"] if one.startswith("--doctor=")]


def test_a_job_looks_at_the_machine_first(tmp_path: Path) -> None:
    run = (*RUN, "--set", "batch_size=32", "--short", "--strategy", "default")
    assert doctor_of(tmp_path, run)[:12] == [
        *("gan-train", "doctor", "--in-job", "--data", "gs://bucket/digits", "-o", "gs://bucket/runs/first"),
        *("--recipe", "mnist-gan", "--strategy", "default", "--cluster-timeout"),
    ]
    assert doctor_of(tmp_path, run)[13:] == ["--set", "batch_size=32", "--short"]
    assert doctor_of(tmp_path, ("run", "--resume", "gs://bucket/runs/first"))[3:7] == [
        *("-o", "gs://bucket/runs/first", "--recipe", "gs://bucket/runs/first")
    ]
    assert doctor_of(tmp_path, PREPARE) == [
        *("gan-pipeline", "doctor", "--in-job", "--source", "gs://bucket/photos", "-o", "gs://bucket/data")
    ]
    assert doctor_of(tmp_path, RUN, {"doctor": False}) == doctor_of(tmp_path, ("doctor",)) == []


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("target", ["kubernetes", "jobset"])
def test_each_pod_gets_its_tf_config(tmp_path: Path, target: str) -> None:
    first, *services = printed(tmp_path, target, {"workers": 3, "secrets": EVERYTHING["secrets"]})
    name = first["metadata"]["name"]
    job = first["spec"]["replicatedJobs"][0]["template"] if target == "jobset" else first
    pod_host = f"{name}-workers-0" if target == "jobset" else name
    for index in range(3):
        variables = {"TASK_INDEX": str(index), "JOB_NAME": name}
        for variable in container_of(job)["env"]:
            variables.setdefault(variable["name"], expanded(variable.get("value", ""), variables))
        cluster = read_cluster(variables["TF_CONFIG"])
        assert cluster and cluster.position == index
        assert [worker.address for worker in cluster.workers] == [f"{pod_host}-{n}.{name}:2222" for n in range(3)]
    # Names longer than 63 characters are none in DNS; the longest name of a job leaves room for that of its pods.
    assert job["spec"]["template"]["spec"]["subdomain"] == name
    assert job["spec"]["completionMode"] == "Indexed" and job["spec"]["completions"] == job["spec"]["parallelism"] == 3
    if target == "kubernetes":
        (service,) = services
        assert service["metadata"]["name"] == name
        assert service["spec"]["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
        assert service["spec"]["clusterIP"] == "None" and service["spec"]["publishNotReadyAddresses"] is True


def test_only_exit_codes_that_may_pass_are_retried(tmp_path: Path) -> None:
    (job,) = printed(tmp_path, "kubernetes", {"retries": 2})
    rules = job["spec"]["podFailurePolicy"]["rules"]
    assert [(rule["action"], rule.get("onExitCodes", {}).get("values")) for rule in rules] == [
        ("FailJob", [2, 3, 4, 6]),
        ("Ignore", [75]),
        ("Ignore", None),
    ]
    assert rules[2]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert job["spec"]["backoffLimit"] == 2 and job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    (batch,) = printed(tmp_path, "gcp-batch", {"retries": 2})
    task = batch["taskGroups"][0]["taskSpec"]
    (policy,) = task["lifecyclePolicies"]
    codes = policy["actionCondition"]["exitCodes"]
    assert policy["action"] == "RETRY_TASK" and {5, 75, 50001} <= set(codes) and not {1, 2, 3, 4, 6} & set(codes)
    assert task["maxRetryCount"] == 2
    (job_set,) = printed(tmp_path, "jobset", {"retries": 2})
    assert job_set["spec"]["failurePolicy"]["maxRestarts"] == 2
    (rule,) = job_set["spec"]["failurePolicy"]["rules"]
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["PodFailurePolicy"])
    (replicated,) = job_set["spec"]["replicatedJobs"]
    assert replicated["template"]["spec"]["backoffLimit"] == 0


@pytest.mark.parametrize(
    ("changes", "seconds", "told"),
    [
        ({"maximum": {"hours": 1.5}}, 5400, "1 worker, at most 1.5 hours\n"),
        ({"maximum": {"hours": 12, "cost": 6}, "price_per_hour": 2}, 10800, "at most 3 hours, 6.00 at 2 an hour each\n"),
        (
            {"maximum": {"cost": 6}, "price_per_hour": 2, "workers": 3, "environment": SECRET_FILE},
            3600,
            "3 workers, at most 1 hours, 6.00 at 2 an",
        ),
    ],
)
def test_hours_and_cost_end_a_job(tmp_path: Path, changes: dict[str, Any], seconds: int, told: str) -> None:
    ran = submit(tmp_path, SPEC | changes | {"retries": 1}, ["--target", "kubernetes", "--print"])
    assert told in ran.err
    assert f"activeDeadlineSeconds: {seconds}\n" in ran.out
    (vertex,) = printed(tmp_path, "vertex", changes)
    assert vertex["jobSpec"]["scheduling"]["timeout"] == f"{seconds}s"
    # These limit an attempt alone, and there are two.
    (batch,) = printed(tmp_path, "gcp-batch", changes | {"retries": 1})
    assert batch["taskGroups"][0]["taskSpec"]["maxRunDuration"] == f"{seconds // 2}s"
    (job_set,) = printed(tmp_path, "jobset", changes | {"retries": 1})
    assert job_set["spec"]["replicatedJobs"][0]["template"]["spec"]["activeDeadlineSeconds"] == seconds // 2


def test_a_pod_can_do_nothing_but_its_work(tmp_path: Path) -> None:
    (job,) = printed(tmp_path, "kubernetes")
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False and pod["securityContext"]["runAsNonRoot"] is True
    container = container_of(job)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/cache"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert {variables[name] for name in ("GANMILL_RUN_CACHE", "TMPDIR", "HOME")} == {"/cache"}


def test_secrets_are_named_and_never_read(tmp_path: Path) -> None:
    changes = {"secrets": {"GANMILL_SECRET": "cluster-secret"}}
    (job,) = printed(tmp_path, "kubernetes", changes)
    variable = next(one for one in container_of(job)["env"] if one["name"] == "GANMILL_SECRET")
    assert variable["valueFrom"] == {"secretKeyRef": {"name": "cluster-secret", "key": "GANMILL_SECRET"}}
    (batch,) = printed(tmp_path, "gcp-batch", changes)
    assert batch["taskGroups"][0]["taskSpec"]["environment"]["secretVariables"] == {
        "GANMILL_SECRET": "projects/acme-vision/secrets/cluster-secret/versions/latest"
    }


def test_spot_machines_and_gpus(tmp_path: Path) -> None:
    changes = {"spot": True, "resources": {"gpus": 2, "gpu_type": "nvidia-l4"}}
    (job,) = printed(tmp_path, "kubernetes", changes)
    pod = job["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"cloud.google.com/gke-spot": "true"}
    assert {one["key"] for one in pod["tolerations"]} == {"cloud.google.com/gke-spot", "nvidia.com/gpu"}
    assert container_of(job)["resources"]["limits"]["nvidia.com/gpu"] == "2"
    eks = {"kubernetes": {"spot_nodes": {"eks.amazonaws.com/capacityType": "SPOT"}}}
    (job,) = printed(tmp_path, "kubernetes", changes | eks)
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"eks.amazonaws.com/capacityType": "SPOT"}
    (batch,) = printed(tmp_path, "gcp-batch", changes)
    (instance,) = batch["allocationPolicy"]["instances"]
    assert instance["policy"]["provisioningModel"] == "SPOT" and instance["installGpuDrivers"] is True
    assert instance["policy"]["accelerators"] == [{"type": "nvidia-l4", "count": "2"}]


def test_an_array_gives_each_task_its_number(tmp_path: Path) -> None:
    (job,) = printed(tmp_path, "kubernetes", {"maximum": {"hours": 1}, "retries": 2}, ARRAY, SWEEP)
    spec = job["spec"]
    assert (spec["completions"], spec["parallelism"], spec["backoffLimitPerIndex"]) == (12, 4, 2)
    # Twelve tasks of an hour, four at a time.
    assert spec["activeDeadlineSeconds"] == 3 * 3600
    assert spec["podFailurePolicy"]["rules"][0]["action"] == "FailIndex"
    assert [expanded(one, {"TASK_INDEX": "7"}) for one in container_of(job)["args"]][-3:] == [
        "gs://bucket/runs/7",
        "--set",
        "seed=7",
    ]
    (batch,) = printed(tmp_path, "gcp-batch", {}, ARRAY, SWEEP)
    group = batch["taskGroups"][0]
    assert (group["taskCount"], group["parallelism"]) == ("12", "4") and "requireHostsFile" not in group


def test_a_sweep_is_an_array_of_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = {"recipe": "mnist-dcgan", "data": "gs://bucket/digits", "grid": {"batch_size": [32, 64]}, "seeds": 2}
    Path("rates.yaml").write_text(json.dumps(sweep))
    command = ("sweep", "rates.yaml", "-o", "gs://bucket/rates", "--", "--on-failure", "stop")
    (job,) = printed(tmp_path, "kubernetes", {}, ["--at-once", "3"], command)
    strictly_valid(job)
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (4, 3)
    container = container_of(job)
    assert container["command"] == ["python"] and container["args"][-3:-1] == ["sh", "-c"]
    # A shell runs the script with a gan-train that shows its arguments.
    (tmp_path / "gan-train").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "gan-train").chmod(0o755)
    script, started = expanded(container["args"][-1], {}), []
    for index in range(4):
        variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "JOB_COMPLETION_INDEX": str(index)}
        ran = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, text=True, check=True)
        arguments = ran.stdout.splitlines()
        assert arguments[:4] == ["run", "mnist-dcgan", "--data", "gs://bucket/digits"] and arguments[-2:] == list(command[-2:])
        started.append(arguments[arguments.index("-o") + 1])
    assert started == [f"gs://bucket/rates/batch_size={size}-seed-{seed}" for seed in (0, 1) for size in (32, 64)]


def test_the_same_job_has_the_same_name_and_another_one_another(tmp_path: Path) -> None:
    def name(*changes: Any) -> str:
        return str(printed(tmp_path, "kubernetes", *changes)[0]["metadata"]["name"])

    assert name() == name() != name({"retries": 1})
    assert name() != name({}, (), (*RUN, "--steps", "5"))
    # A schedule that was changed takes the place of the one before.
    assert name(NIGHTLY) == name({"retries": 1} | NIGHTLY) == "digits"


def test_a_schedule_is_a_cron_job(tmp_path: Path) -> None:
    (cron,) = printed(tmp_path, "kubernetes", NIGHTLY)
    assert cron["kind"] == "CronJob" and cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert (cron["spec"]["schedule"], cron["spec"]["timeZone"]) == ("0 3 * * *", "Europe/Berlin")
    (queued,) = printed(tmp_path, "kubernetes", NIGHTLY | {"kubernetes": {"queue": "nightly"}})
    assert queued["spec"]["jobTemplate"]["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "nightly"
    (spaced,) = printed(tmp_path, "kubernetes", {}, ["--schedule", "0  3 * * *"])
    assert spaced["spec"]["schedule"] == "0 3 * * *" and spaced["spec"]["timeZone"] == "Etc/UTC"


@pytest.mark.parametrize(
    ("target", "kind", "address"),
    [
        ("gcp-batch", batch_v1.Job, "https://batch.googleapis.com/v1/projects/acme-vision/locations/europe-west4/jobs"),
        (
            "vertex",
            CustomJob,
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/acme-vision/locations/europe-west4/customJobs",
        ),
    ],
)
def test_a_schedule_asks_the_api_for_the_job(tmp_path: Path, target: str, kind: Any, address: str) -> None:
    (document,) = printed(tmp_path, target, NIGHTLY)
    ParseDict(document, scheduler_v1.Job.pb(scheduler_v1.Job()))
    assert (document["schedule"], document["timeZone"]) == ("0 3 * * *", "Europe/Berlin")
    http = document["httpTarget"]
    assert (http["uri"], http["httpMethod"]) == (address, "POST")
    assert http["oauthToken"]["serviceAccountEmail"] == "trainer@acme-vision.iam.gserviceaccount.com"
    body = json.loads(b64decode(http["body"]))
    ParseDict(body, kind.pb(kind()))


def test_dataflow_has_a_driver_on_batch(tmp_path: Path) -> None:
    changes = {"workers": 20, "spot": True, "maximum": {"hours": 2}, "resources": {"disk": "50Gi"}}
    (document,) = printed(tmp_path, "dataflow", changes, command=PREPARE)
    ParseDict(document, batch_v1.Job.pb(batch_v1.Job()))
    (group,) = document["taskGroups"]
    (runnable,) = group["taskSpec"]["runnables"]
    commands = runnable["container"]["commands"]
    driver, beam = commands[: commands.index("--")], commands[commands.index("--") + 1 :]
    driver = [one for one in driver[3:] if not one.startswith("--doctor=")]
    assert driver == ["gan-pipeline", *PREPARE, "--runner", "DataflowRunner"]
    assert {
        "--project=acme-vision",
        "--region=europe-west4",
        "--max_num_workers=20",
        "--machine_type=n2-standard-4",
        "--sdk_container_image=registry.example/ganmill:0.1.0",
        "--dataflow_service_options=max_workflow_runtime_walltime_seconds=7200",
        "--flexrs_goal=COST_OPTIMIZED",
        "--temp_location=gs://bucket/staging",
        "--disk_size_gb=80",
    } <= set(beam)
    (instance,) = document["allocationPolicy"]["instances"]
    # The driver waits on a small machine, which does not vanish.
    assert instance["policy"]["machineType"] == "e2-standard-2" and instance["policy"]["provisioningModel"] == "STANDARD"
    assert group.get("taskCount") == "1" and "maxRetryCount" not in group["taskSpec"]
