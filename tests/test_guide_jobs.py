"""Every command of the guide on jobs prints a manifest, with the job file of the guide and the examples of deploy/."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.support.commands import Ran, run_inside
from tests.support.jobs import PREPARE, RUN

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "guides" / "jobs.md").read_text()
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
SPEC, SECRETS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
SWEEP = "recipe: mnist-dcgan\ndata: gs://acme-vision/digits\ngrid: {batch_size: [32, 64]}\nseeds: 2\n"
EXAMPLES = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))


def run(line: str) -> Ran:
    from gan_pipeline.cli.commands import main as pipeline
    from gan_train.cli.main import main as train

    program, *arguments = shlex.split(line)
    return run_inside({"gan-pipeline": pipeline, "gan-train": train}[program], *arguments)


@pytest.mark.parametrize("secrets", ["", SECRETS], ids=["as shown", "with secrets"])
def test_every_command_of_the_guide_prints_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secrets: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(SPEC + secrets)
    (tmp_path / "rates.yaml").write_text(SWEEP)
    assert len(COMMANDS) == 11
    for line in COMMANDS:
        ran = run(line)
        if secrets and ("vertex" in line or "dataflow" in line):
            assert ran.code == 2 and "secrets" in ran.err
            continue
        assert ran.code == 0, f"{line}: {ran.err}"
        assert list(yaml.safe_load_all(ran.out)) and "at most" in ran.err


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.name))
def test_every_example_makes_manifests(example: Path) -> None:
    command, program, targets = RUN, "gan-train", ["kubernetes", "jobset", "gcp-batch", "vertex"]
    if example.name == "prepare.yaml":
        command, program, targets = PREPARE, "gan-pipeline", ["dataflow"]
    for target in targets:
        ran = run(f"{program} submit --spec {example} --target {target} --print -- {shlex.join(command)}")
        assert ran.code == 0, ran.err


def test_every_file_of_deploy_is_told() -> None:
    page = (ROOT / "deploy" / "README.md").read_text()
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file() and path.name != "README.md"]
    assert [str(path) for path in files if f"`{path.relative_to(ROOT / 'deploy')}`" not in page] == []


def test_the_image_has_the_user_and_the_folder_of_the_jobs() -> None:
    from gan_core.jobs.job import CACHE
    from gan_core.jobs.kubernetes_pod import USER

    lines = (ROOT / "deploy" / "Containerfile").read_text().splitlines()
    assert f"USER {USER}:{USER}" in lines and f"VOLUME {CACHE}" in lines
    beam = re.search(r"^apache-beam==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert beam and f"ARG BEAM={beam[1]}" in (ROOT / "deploy" / "Containerfile.beam").read_text()
