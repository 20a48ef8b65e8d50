"""`gan-train doctor`: devices, a shard, a step of a recipe, and the workers of TF_CONFIG."""

import json
import subprocess
import sys
from os import environ
from pathlib import Path
from typing import Any

import pytest

from gan_train.doctor import devices
from tests.support.commands import Ran
from tests.support.runs import SMALL_KEYS, gan_train
from tests.support.workers import free_addresses, tf_config

SMALLER = [part for key in SMALL_KEYS for part in ("--set", key)]


def found(ran: Ran) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(ran.out)["checks"]}


def test_a_machine_that_can_train(digits: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ran = gan_train("doctor", "--json", "--data", digits, "-o", run, "--recipe", "mnist-dcgan", *SMALLER)
    checks = found(ran)
    assert ran.code == 0, ran.out
    assert "train-0000" in checks["shard"]["found"] and "is whole" in checks["shard"]["found"]
    assert "precision: auto takes" in checks["devices"]["found"] and "the same as NumPy's" in checks["arithmetic"]["found"]
    assert "the first step traced and trained in" in checks["step"]["found"] and "batches of 16" in checks["recipe"]["found"]
    assert not run.exists()


def test_a_damaged_shard_and_a_wrong_recipe(digits: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for path in digits.iterdir():
        content = path.read_bytes()
        (data / path.name).write_bytes(content[:-1] + b"x" if path.suffix == ".tfrecord" else content)
    ran = gan_train("doctor", "--json", "--data", data, "--recipe", "mnist-gan", "--set", "batch_sice=3")
    states = {name: one["state"] for name, one in found(ran).items()}
    assert ran.code == 1
    assert [name for name, state in states.items() if state == "failed"] == ["shard", "recipe", "step"]
    assert "sha256" in found(ran)["shard"]["found"] and "batch_sice" in found(ran)["recipe"]["found"]


def test_a_driver_without_libraries_and_wrong_products(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devices, "_NVIDIA", tmp_path)
    result = devices.check_devices()
    assert result.state == "warning" and "finds no GPU" in result.found and "ganmill[gpu]" in result.advice
    monkeypatch.setattr(devices, "_TOLERANCE", {"float32": -1.0, "bfloat16": -1.0})
    assert devices.check_arithmetic().state == "failed"


def workers(addresses: list[str], index: int, seconds: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "gan_train.doctor.workers", seconds]
    return subprocess.Popen(
        command, env={**environ, "TF_CONFIG": tf_config(addresses, index)}, stdout=subprocess.PIPE, text=True
    )


def test_workers_meet_and_add_up() -> None:
    addresses = free_addresses(2)
    outputs = [process.communicate()[0] for process in [workers(addresses, index, "300") for index in (0, 1)]]
    for output in outputs:
        assert output.endswith("met 1 others at their ports, with the same versions; all-reduce is right\n"), output


def test_a_worker_that_does_not_come_is_named() -> None:
    addresses = free_addresses(2)
    output, _ = workers(addresses, 0, "1").communicate()
    assert output.startswith("<ganmill 75>no answer within 1 seconds from worker 1") and addresses[1] in output
