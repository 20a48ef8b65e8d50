"""The command as a script: quick to answer, and quiet about its insides."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.datasets import GAN_PIPELINE, run_child, run_cli

HEAVY = {"tensorflow", "keras", "apache_beam", "tensorflow_datasets", "google.cloud", "PIL", "matplotlib", "mtcnn"}


@pytest.mark.parametrize("arguments", [["--help"], ["prepare", "--help"], ["list"], ["prepare", "imagenet", "-o", "x"]])
def test_help_and_usage_errors_load_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", GAN_PIPELINE, *arguments], capture_output=True, text=True)
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "gan_pipeline.cli.commands" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("command", ["prepare", "verify", "inspect", "list"])
def test_every_help_opens_with_a_complete_example(command: str) -> None:
    ran = run_cli(command, "--help")
    assert ran.code == 0
    assert f"gan-pipeline {command}" in ran.out.split("Options:")[0]
    assert "\b" not in ran.out


def test_the_script_prepares_and_verifies(tmp_path: Path) -> None:
    out = tmp_path / "digits"
    ran = run_child("prepare", "mnist", "--source", "sample", "--limit", "50", "-o", out)
    assert ran.code == 0
    assert ran.out.startswith(f"done: 50 examples of mnist in {out} (digest ")
    # On a pipe progress is plain lines.
    assert [line.partition(" ")[0] for line in ran.err.splitlines()] == ["understood:"] * 3 + ["8/8"]
    assert run_child("verify", out).code == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_ends_quietly(unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run([GAN_PIPELINE, "list"], stdout=writer, stderr=subprocess.PIPE, text=True, env=env)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_no_argument_shows_the_help() -> None:
    ran = run_cli()
    assert ran.code == 2
    assert "prepare" in ran.out + ran.err
