"""Job files, and `submit` of both programs."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.commands import Ran, run_inside

SPEC: dict[str, Any] = {
    "name": "digits",
    "image": "registry.example/ganmill:0.1.0",
    "maximum": {"hours": 12},
    "gcp": {
        "project": "acme-vision",
        "region": "europe-west4",
        "machine_type": "n2-standard-4",
        "service_account": "trainer@acme-vision.iam.gserviceaccount.com",
        "staging": "gs://bucket/staging",
    },
}
RUN = ("run", "mnist-gan", "--data", "gs://bucket/digits", "-o", "gs://bucket/runs/first")
PREPARE = ("prepare", "images", "--source", "gs://bucket/photos", "-o", "gs://bucket/data")


def submit(folder: Path, spec: Mapping[str, Any], options: Sequence[str], command: Sequence[str] = RUN) -> Ran:
    """`submit` of the program that has the command, with a job file in the folder."""
    from gan_pipeline.cli.commands import main as pipeline
    from gan_train.cli.main import main as train

    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(dict(spec)))
    main = pipeline if command[:1] == ("prepare",) else train
    return run_inside(main, "submit", "--spec", path, *options, "--", *command)


def printed(
    folder: Path,
    target: str,
    changes: Mapping[str, Any] | None = None,
    options: Sequence[str] = (),
    command: Sequence[str] = RUN,
) -> list[dict[str, Any]]:
    """The documents that `submit --print` writes for `SPEC` with changes."""
    ran = submit(folder, {**SPEC, **(changes or {})}, ["--target", target, "--print", *options], command)
    assert ran.code == 0, ran.err
    return list(yaml.safe_load_all(ran.out)) if target in ("kubernetes", "jobset") else [json.loads(ran.out)]


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A text as Kubernetes hands it to a container: $$ is $, $(NAME) the variable if there is one."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return re.sub(r"\$\$|\$\((\w+)\)", value, text)
