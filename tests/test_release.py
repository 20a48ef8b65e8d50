"""The files of `make release` are the same wherever they are built, and describe every pinned package."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def release(folder: Path, umask: int) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A clone of the newest commit in a folder, and its release in `folder/dist`."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder / "clone"], check=True, umask=umask)
    command = [sys.executable, folder / "clone" / "scripts" / "release.py", folder / "dist"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, umask=umask, env=environment)
    return folder / "dist", done


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, done = release(tmp_path_factory.mktemp("first"), 0o022)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.evidence
def test_two_builds_of_a_commit_have_the_same_bytes(built: Path, tmp_path: Path) -> None:
    out, done = release(tmp_path / "elsewhere", 0o077)
    assert done.returncode == 0, done.stderr
    assert contents(out) == contents(built)
    assert {path.suffix for path in built.iterdir()} == {".whl", ".gz", ".json", ""}


def test_the_checksums_are_those_of_the_files(built: Path) -> None:
    sums = dict(line.split("  ")[::-1] for line in (built / "SHA256SUMS").read_text().splitlines())
    files = contents(built)
    del files["SHA256SUMS"]
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_the_bill_of_materials_names_every_pinned_package(built: Path) -> None:
    (bill,) = built.glob("*.cdx.json")
    document = json.loads(bill.read_text())
    pinned = set(re.findall(r"^([\w.-]+)==([\w.+!]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "ganmill"
    assert {(one["name"], one["version"]) for one in document["components"]} == pinned


def test_a_checkout_with_changes_is_not_released(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    (clone / "README.md").write_text("changed")
    command = [sys.executable, clone / "scripts" / "release.py", tmp_path / "dist"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "M README.md); commit them first" in done.stderr
    assert not (tmp_path / "dist").exists()
