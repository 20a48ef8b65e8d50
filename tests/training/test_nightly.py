"""The nightly example on gs://: three nights, the second without new images, the third killed in between."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from gan_core.storage import open_folder
from tests.support.datasets import idx_files
from tests.support.runs import SMALL

SCRIPT = Path(__file__).parent.parent.parent / "examples" / "nightly" / "nightly.py"


def start(name: str, bucket: str, tmp_path: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GANMILL_CACHE": str(tmp_path / "cache"),
    }
    home = ("--source", f"{bucket}/raw", "--folder", f"{bucket}/nightly", "--dataset", "mnist", "--night", name)
    training = ("--recipe", "mnist-dcgan", "--count", "20", *SMALL, "--steps", "6", "--set", "snapshot_every=3")
    command = [sys.executable, str(SCRIPT), *home, *training]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=environment, start_new_session=True, **pipes)


def night(name: str, bucket: str, tmp_path: Path) -> str:
    process = start(name, bucket, tmp_path)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def test_three_nights(bucket: str, tmp_path: Path) -> None:
    raw, home = open_folder(f"{bucket}/raw"), open_folder(f"{bucket}/nightly")
    for name, content in idx_files(packed=True).items():
        raw.write(name, content)

    assert night("1", bucket, tmp_path).startswith(f"the best run is {home.uri}/runs/1")
    state = json.loads(home.read("state.json"))
    assert (state["data"], state["best"]) == (f"{home.uri}/data/1", f"{home.uri}/runs/1")

    # Nothing is new, so nothing is trained.
    assert night("2", bucket, tmp_path).startswith(f"no new images; the best run is {home.uri}/runs/1")
    assert json.loads(home.read("state.json")) == state

    for name, content in idx_files(70, packed=True).items():
        raw.write(name, content)
    killed = start("3", bucket, tmp_path)
    while not home.exists("data/3/manifest.json"):
        assert killed.poll() is None
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert json.loads(home.read("state.json")) == state
    assert night("3", bucket, tmp_path).startswith("the best run is")
    now = json.loads(home.read("state.json"))
    assert now["data"] == f"{home.uri}/data/3" and now["best"] in (f"{home.uri}/runs/1", f"{home.uri}/runs/3")
    assert home.exists("reports/3.html") and home.exists("runs/3/status.json")
