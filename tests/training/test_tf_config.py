"""TF_CONFIG and the secret of a cluster, as they are read from the environment."""

from pathlib import Path

import pytest

from gan_core.errors import StorageError, UsageError
from gan_train.distribution.cluster import Cluster, find_cluster, read_cluster
from gan_train.distribution.secret import read_secret
from tests.support.runs import gan_train
from tests.support.workers import tf_config

pytestmark = pytest.mark.quick


def cluster(addresses: list[str], index: int) -> Cluster:
    found = read_cluster(tf_config(addresses, index))
    assert found is not None
    return found


def test_tf_config_with_a_chief_and_keys_of_a_scheduler() -> None:
    text = (
        '{"cluster": {"worker": ["b:2222", "[::1]:80"], "chief": ["a:2222"]}, "environment": "cloud", "job": {}, '
        '"task": {"type": "worker", "index": 1, "trial": "1"}}'
    )
    found = read_cluster(text)
    assert found is not None
    assert [str(worker) for worker in found.workers] == ["chief 0 (a:2222)", "worker 0 (b:2222)", "worker 1 ([::1]:80)"]
    assert (found.position, found.is_chief, found.chief.address) == (2, False, "a:2222")
    assert (found.own.host, found.own.port) == ("::1", 80)


def test_one_worker_is_no_cluster() -> None:
    assert read_cluster(tf_config(["a:1"], 0)) is None


def test_without_a_chief_the_first_worker_is_it() -> None:
    assert cluster(["a:1", "b:1"], 0).is_chief
    assert not cluster(["a:1", "b:1"], 1).is_chief


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Invalid JSON"),
        ("[]", "must be keys with values"),
        ("{}", "cluster: is missing"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "task: is missing"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}', "task.index: is missing"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "index is 2, but cluster has 2"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": -1}}', "task.index"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}', "cluster has 0 of type 'chief'"),
        ('{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}', "cluster.ps"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', "a:1 twice"),
        ('{"cluster": {"chief": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}', "more than one chief"),
        ('{"cluster": {"worker": ["a", "b:1"]}, "task": {"type": "worker", "index": 0}}', "cluster.worker.0"),
    ],
)
def test_a_wrong_tf_config_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read_cluster(text)
    message = str(refusal.value)
    assert message.startswith("TF_CONFIG: ") and words in message and "\n" not in message


def test_who_looks_at_tf_config() -> None:
    environment = {"TF_CONFIG": tf_config(["a:1", "b:1"], 1)}
    assert find_cluster("auto", environment) == find_cluster("multiworker", environment) is not None
    assert find_cluster("default", environment) is find_cluster("mirrored", {"TF_CONFIG": "{"}) is None
    assert find_cluster("auto", {}) is None
    with pytest.raises(UsageError, match="TF_CONFIG is not set"):
        find_cluster("multiworker", {})


AWAY = ["10.77.0.1:2222", "10.77.0.2:2222"]
HERE = ["127.0.0.1:2222", "localhost:2223", "[::1]:2224"]
SECRET = "0123456789abcdef"


def test_a_secret_is_that_of_the_environment_or_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    found = cluster(AWAY, 0)
    assert read_secret(found, {"GANMILL_SECRET": f" {SECRET}\n"}) == SECRET.encode()
    assert read_secret(found, {"GANMILL_SECRET_FILE": str(file)}) == SECRET.encode()


def test_a_cluster_on_one_machine_needs_none() -> None:
    assert read_secret(cluster(HERE, 0), {}) == b""
    assert read_secret(cluster(HERE, 0), {"GANMILL_SECRET": SECRET}) == SECRET.encode()


@pytest.mark.parametrize(
    ("addresses", "environment", "words"),
    [
        (AWAY, {}, r"worker 0 \(10.77.0.1:2222\) is reached by a network.*GANMILL_SECRET.*openssl rand -hex 32"),
        ([*HERE, "gpu-7:2222"], {"GANMILL_SECRET": " "}, r"worker 3 \(gpu-7:2222\) is reached by a network"),
        (AWAY, {"GANMILL_SECRET": "short"}, "GANMILL_SECRET: a secret has 16 to 4096 bytes, not 5"),
        (AWAY, {"GANMILL_SECRET": "x" * 5000}, "16 to 4096 bytes, not 5000"),
        (AWAY, {"GANMILL_SECRET": SECRET, "GANMILL_SECRET_FILE": "x"}, "both set; keep one"),
    ],
)
def test_a_wrong_secret_is_refused_in_words(addresses: list[str], environment: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as refusal:
        read_secret(cluster(addresses, 0), environment)
    assert "short" not in str(refusal.value)


def test_a_wrong_file_of_a_secret_is_refused_in_words(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(5000))
    with pytest.raises(UsageError, match="large is larger than a secret can be"):
        read_secret(cluster(AWAY, 0), {"GANMILL_SECRET_FILE": str(large)})
    with pytest.raises(StorageError, match="absent"):
        read_secret(cluster(AWAY, 0), {"GANMILL_SECRET_FILE": str(tmp_path / "absent")})


def test_several_machines_without_a_secret_are_refused_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CONFIG", tf_config(AWAY, 0))
    ran = gan_train("run", "mnist-gan", "--data", tmp_path / "absent", "-o", tmp_path / "run")
    assert ran.code == 2
    assert "GANMILL_SECRET" in ran.err and len(ran.err.splitlines()) == 1
