"""Wrong job files and commands are refused in words, before anything is sent."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run_inside
from tests.support.jobs import PREPARE, RUN, SPEC, submit

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"worker": 2}, "job.yaml: worker: unknown key; did you mean workers?"),
        ({"resources": {"gpu": 2}}, "resources.gpu: unknown key; did you mean gpus?"),
        ({"gcp": {**SPEC["gcp"], "zone": "x"}}, "gcp.zone: unknown key; known are: project, region"),
        ({"kubernetes": {"tolerations": [{"kee": "x"}]}}, "kubernetes.tolerations.0.kee: unknown key; did you mean key?"),
        ({"workers": "2"}, "workers: must be a whole number"),
        ({"workers": 0}, "workers: must be at least 1"),
        ({"name": "Digits"}, "name: must match pattern"),
        ({"image": "ganmill"}, "image: name a version or a digest"),
        ({"image": "registry.example:5000/ganmill:latest"}, "image: name a version or a digest"),
        ({"maximum": {}}, "maximum: give hours, cost or both"),
        ({"maximum": {"cost": 5}}, "maximum.cost needs price_per_hour"),
        ({"maximum": {"cost": 0.001}, "price_per_hour": 1.0}, "leaves 3 seconds for a job"),
        ({"resources": {"memory": "16GB"}}, "resources.memory: must match pattern"),
        ({"secrets": {"X": "y"}, "environment": {"X": "y"}}, "X stands under environment and under secrets"),
        ({"environment": {"TF_CONFIG": "{}"}}, "TF_CONFIG is set by submit itself"),
        ({"schedule": "0 3 * *"}, "schedule: a schedule has five fields"),
        ({"schedule": "61 3 * * *"}, "schedule: '61' is no minute; use *, 0-59"),
        ({"schedule": "0 3 * * 5-1"}, "schedule: '5-1' is no day of the week"),
        ({"time_zone": "Berlin"}, "time_zone: no time zone of the IANA database"),
        ({"gcp": {"project": "acme-vision"}}, "gcp.region: is missing"),
    ],
)
def test_a_wrong_job_file_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    ran = submit(tmp_path, SPEC | changes, ["--target", "kubernetes", "--print"])
    assert (ran.code, ran.out) == (2, "") and message in ran.err


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file or directory; name the job file"), ("- 1", "not one mapping"), ("a: [", "not valid YAML")],
)
def test_a_file_that_is_no_job_file(tmp_path: Path, content: str | None, message: str) -> None:
    from gan_train.cli.main import main

    path = tmp_path / "spec.yaml"
    if content is not None:
        path.write_text(content)
    ran = run_inside(main, "submit", "--target", "vertex", "--print", "--spec", path, "--", *RUN)
    assert ran.code == 2 and f"{path}: {message}" in ran.err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ((), "no command to submit; write it after --"),
        (("fly",), "'fly' is no command of gan-train that can be submitted"),
        (("submit",), "'submit' is no command of gan-train that can be submitted"),
        ((*RUN, "--step", "5"), "gan-train run: no such option"),
        ((*RUN, "--steps", "many"), "gan-train run: '--steps'"),
        (("run", "mnist-gan"), "run: name a recipe, --data and -o, or --resume with a run on gs://"),
        (("run", "mnist-gam", *RUN[2:]), "unknown recipe 'mnist-gam'"),
        ((*RUN, "--set", "batch_sise=2"), "batch_sise"),
        (("run", "mine.yaml", *RUN[2:]), "mine.yaml is a file of this machine"),
        (("run", "mnist-gan", "--data", "data/digits", "-o", "gs://b/r"), "data/digits is a folder of this machine"),
        (("run", "mnist-gan", "--data", "gs://b/d", "-o", "runs/first"), "runs/first is a folder of this machine"),
        (("evaluate", "runs/first"), "runs/first is a folder of this machine"),
        (("sweep", "none.yaml", "-o", "gs://b/s"), "none.yaml"),
        (("sweep", "none.yaml", "-o", "sweeps"), "sweeps is a folder of this machine"),
        (("sweep", "none.yaml", "-o", "gs://b/s", "--jobs", "2"), "give --at-once to submit instead"),
        (("run", "--help"), "its options only print something"),
        (("prepare", "mnst", *PREPARE[2:]), "mnst"),
        (("prepare", "mnist", "--source", "raw", "-o", "gs://b/d"), "raw is a folder of this machine"),
    ],
)
def test_a_wrong_command_is_refused_before_it_costs_money(tmp_path: Path, command: tuple[str, ...], message: str) -> None:
    ran = submit(tmp_path, SPEC, ["--target", "gcp-batch", "--print"], command)
    assert ran.code == 2 and message in ran.err, ran.err
    assert "job.yaml" not in ran.err


def test_volumes_of_kubernetes_are_places(tmp_path: Path) -> None:
    spec = SPEC | {"kubernetes": {"volumes": {"/data": "pictures"}}}
    command = ("run", "mnist-gan", "--data", "/data/digits", "-o", "/data/runs/first")
    assert submit(tmp_path, spec, ["--target", "kubernetes", "--print"], command).code == 0
    assert "/data/digits is a folder of this machine" in submit(tmp_path, spec, ["--target", "vertex", "--print"], command).err


@pytest.mark.parametrize(
    ("target", "changes", "options", "command", "message"),
    [
        ("jobset", {"schedule": "0 3 * * *"}, (), RUN, "a JobSet has no schedule"),
        ("jobset", {}, ("--array", "2"), (*RUN, "--set", "seed={index}"), "take --target kubernetes"),
        ("kubernetes", {}, ("--array", "2"), RUN, "{index} stands nowhere in the command"),
        (
            "kubernetes",
            {"workers": 2},
            ("--array", "2"),
            (*RUN, "--set", "seed={index}"),
            "the tasks of an array have one worker each",
        ),
        ("kubernetes", {"workers": 2}, (), RUN, "know each other by a secret: name one under secrets, such as GANMILL_SECRET"),
        ("vertex", {"environment": {"GANMILL_SECRET": "x"}}, (), RUN, "where everybody can read it; move it to secrets"),
        ("kubernetes", {}, ("--at-once", "2"), RUN, "--at-once belongs to a sweep or to --array"),
        ("kubernetes", {}, ("--submit",), RUN, "give one of --print"),
        ("vertex", {"secrets": {"X": "y"}}, (), RUN, "Vertex AI gives containers no secrets"),
        ("vertex", {}, ("--array", "2"), (*RUN, "--set", "seed={index}"), "no array of tasks"),
        ("gcp-batch", {"gcp": None}, (), RUN, "has no section gcp"),
        (
            "vertex",
            {"schedule": "0 3 * * *", "gcp": {**SPEC["gcp"], "service_account": None}},
            (),
            RUN,
            "needs gcp.service_account",
        ),
        ("dataflow", {}, (), RUN, "runs 'gan-pipeline prepare' alone"),
        ("dataflow", {}, (), (*PREPARE, "--runner", "FlinkRunner"), "sets --runner and Beam's options itself"),
        ("dataflow", {"gcp": {**SPEC["gcp"], "staging": None}}, (), PREPARE, "needs gcp.staging"),
    ],
)
def test_what_a_target_cannot_do_is_said(
    tmp_path: Path, target: str, changes: dict[str, Any], options: tuple[str, ...], command: tuple[str, ...], message: str
) -> None:
    ran = submit(tmp_path, SPEC | changes, ["--target", target, "--print", *options], command)
    assert ran.code == 2 and message in ran.err, ran.err


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from gan_core import jobs

    for name in [name for name in sys.modules if name.startswith("gan_core.jobs.kubernetes")]:
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr(jobs, name.rpartition(".")[2], raising=False)
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)
    ran = submit(tmp_path, SPEC, ["--target", "kubernetes", "--print"])
    assert ran.code == 2 and "needs kubernetes.client; install it by: pip install 'ganmill[kubernetes]'" in ran.err
