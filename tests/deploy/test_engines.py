"""`prepare` on Dask and on Flink, on hosts that share nothing but a bucket: the same bytes, whatever happens to the hosts.

`make deploy-test` runs this; it needs root, Java, and the jars that it fetches from Maven Central.
"""

import hashlib
import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from tests.support.cifar_files import BINARY, binary_files
from tests.support.clusters import Cluster, Dask, Flink, arguments_of
from tests.support.datasets import idx_files, run_cli, tree
from tests.support.hosts import Host, hosts
from tests.support.image_files import encoded, noise
from tests.support.photographs import FACES
from tests.support.storage_server import StorageServer, storage_server
from tests.support.waiting import until

pytestmark = pytest.mark.deploy

_MOST_SECONDS = 900


def faces(count: int) -> dict[str, bytes]:
    """Photographs of one size with one face each: windows of the one photograph of the tests, every other one mirrored."""
    whole = Image.open(FACES / "astronaut.png").convert("RGB")
    found = {}
    for number in range(count):
        picture = whole.crop((60 + 4 * number, 0, 420 + 4 * number, 360)).resize((120, 120))
        out = io.BytesIO()
        (picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 2 else picture).save(out, "PNG")
        found[f"{number:03d}.png"] = out.getvalue()
    return found


_FACES, _PAIRS = 8, 400

SOURCES: dict[str, Callable[[], dict[str, bytes]]] = {
    "mnist": lambda: idx_files(2000),
    "cifar10": lambda: {f"{BINARY}/{name}": content for name, content in binary_files().items()},
    "celeba": lambda: faces(_FACES),
    "pairs": lambda: {f"{number:02d}.png": encoded(noise(number, 64, 128)) for number in range(_PAIRS)},
}
OPTIONS = {
    "mnist": ("--shards", "4"),
    "cifar10": ("--split", "train,test", "--shards", "2"),
    "celeba": ("--faces", "mtcnn", "--shards", "8"),
    "pairs": ("--image-size", "64", "--shards", "16"),
}
DISTURBED = "pairs"
"""The dataset during whose preparation something happens; its many shards take a while."""


@dataclass(frozen=True)
class Site:
    """A cluster with two workers, and the host from which jobs are started.

    Attributes:
        cluster: the cluster.
        workers: the hosts of its workers.
        driver: the host of the command.
        env: more variables of the environment of each process.
    """

    cluster: Cluster
    workers: tuple[Host, Host]
    driver: Host
    env: dict[str, str]

    def start(self, name: str, storage: StorageServer, scenario: str) -> "subprocess.Popen[str]":
        """Start preparing a dataset into a folder of the bucket of its own."""
        out = f"{storage.bucket}/{self.cluster.name}/{scenario}/{name}"
        command = ("prepare", name, "--source", f"{storage.bucket}/in/{name}", "-o", out, *OPTIONS[name])
        script = Path(sys.executable).with_name("gan-pipeline")
        return self.driver.start(script, *arguments_of(self.cluster, *command), env=self.env)

    def prefix(self, name: str, scenario: str) -> str:
        """The names of the objects of that folder begin with this."""
        return f"{self.cluster.name}/{scenario}/{name}/"

    def replace(self, host: Host) -> None:
        """Start a new worker on a host."""
        host.kill_all()
        self.cluster.start_worker(host)


@pytest.fixture(scope="module")
def network() -> Iterator[list[Host]]:
    with hosts(8) as made:
        yield made


@pytest.fixture(scope="module")
def storage(network: list[Host]) -> Iterator[StorageServer]:
    address = f"{network[0].address.rpartition('.')[0]}.254"
    with storage_server(address) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", server.local_url)
        for name, files in SOURCES.items():
            server.put_all(f"in/{name}", files())
        yield server


Sums = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def here(storage: StorageServer, tmp_path_factory: pytest.TempPathFactory) -> Sums:
    """The sha256 of every file that the local runner makes of a source."""

    @cache
    def made(name: str) -> dict[str, str]:
        out = tmp_path_factory.mktemp("here") / name
        started = time.monotonic()
        ran = run_cli("prepare", name, "--source", f"{storage.bucket}/in/{name}", "-o", out, *OPTIONS[name])
        assert ran.code == 0, ran.err
        told("this process", name, "1 process", time.monotonic() - started)
        return sums(tree(out))

    return made


@pytest.fixture(scope="module", params=[Dask, Flink])
def site(
    request: pytest.FixtureRequest, network: list[Host], storage: StorageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    # Nothing but the bucket is reached; the proxy that keeps other tests from the network would stand in the way.
    env = {"STORAGE_EMULATOR_HOST": storage.url, "HTTP_PROXY": "", "HTTPS_PROXY": "", "PYTHONUNBUFFERED": "1"}
    head, first, second, driver = network[:4] if request.param is Dask else network[4:]
    cluster: Cluster = request.param(head, env, tmp_path_factory.mktemp("cluster"))
    for host in (first, second):
        cluster.start_worker(host)
    yield Site(cluster, (first, second), driver, env)
    for host in (head, first, second, driver):
        host.kill_all()


def sums(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def told(engine: str, what: str, how: str, seconds: float) -> None:
    """Print a line of the table that `make deploy-test` shows."""
    print(f"| {engine} | {what} | {how} | {seconds:.0f} s |", flush=True)


def ended(process: "subprocess.Popen[str]") -> str:
    """The messages of a command that ended well."""
    try:
        _, err = process.communicate(timeout=_MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, err
    return err


def first_shard(site: Site, name: str, storage: StorageServer, scenario: str) -> None:
    """Wait until the first shard is done."""
    records = site.prefix(name, scenario) + ".work/"
    until(lambda: any(one.endswith(".tfrecord.json") for one in storage.names(records)), _MOST_SECONDS, "a first shard is done")


@pytest.mark.parametrize("name", SOURCES)
def test_the_same_files(site: Site, storage: StorageServer, here: Sums, name: str) -> None:
    started = time.monotonic()
    ended(site.start(name, storage, "plain"))
    assert sums(storage.tree(site.prefix(name, "plain"))) == here(name)
    told(site.cluster.name, name, "equal", time.monotonic() - started)


def kill(site: Site) -> None:
    site.workers[1].kill_all()


def cut_off(site: Site) -> None:
    site.workers[1].drop_packets()


@pytest.mark.parametrize("fault", [kill, cut_off])
def test_a_worker_is_lost(site: Site, storage: StorageServer, here: Sums, fault: Callable[[Site], None]) -> None:
    started = time.monotonic()
    process = site.start(DISTURBED, storage, fault.__name__)
    first_shard(site, DISTURBED, storage, fault.__name__)
    fault(site)
    ended(process)
    assert sums(storage.tree(site.prefix(DISTURBED, fault.__name__))) == here(DISTURBED)
    told(site.cluster.name, f"worker lost: {fault.__name__}", "equal", time.monotonic() - started)
    if fault is cut_off:
        site.workers[1].pass_packets()
    site.replace(site.workers[1])


def test_the_command_is_killed_and_repeated(site: Site, storage: StorageServer, here: Sums) -> None:
    """Flink goes on with the first job; then two attempts at the same shards write to the bucket at the same time."""
    started = time.monotonic()
    process = site.start(DISTURBED, storage, "driver")
    first_shard(site, DISTURBED, storage, "driver")
    process.kill()
    process.communicate()
    ended(site.start(DISTURBED, storage, "driver"))
    files = sums(storage.tree(site.prefix(DISTURBED, "driver")))
    # An attempt of the first job that ends after the commit leaves its notes, which the next `prepare` removes.
    assert {name: value for name, value in files.items() if not name.startswith(".work/")} == here(DISTURBED)
    told(site.cluster.name, "driver killed and repeated", "equal", time.monotonic() - started)


def test_ctrl_c_cancels_the_job(site: Site, storage: StorageServer, here: Sums) -> None:
    process = site.start(DISTURBED, storage, "cancelled")
    first_shard(site, DISTURBED, storage, "cancelled")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=_MOST_SECONDS)
    assert process.returncode == 130, err
    assert "interrupted: what was committed is kept; run the same command again to continue" in err
    done = set(storage.names(site.prefix(DISTURBED, "cancelled")))
    ended(site.start(DISTURBED, storage, "cancelled"))
    assert sums(storage.tree(site.prefix(DISTURBED, "cancelled"))) == here(DISTURBED)
    assert "manifest.json" not in done
    told(site.cluster.name, "Ctrl-C and repeated", "equal", 0)


def test_nobody_listens(site: Site, storage: StorageServer) -> None:
    """A wrong address ends soon, with the code after which schedulers try again, and words."""
    started = time.monotonic()
    where = ("--dask_client_address", f"tcp://{site.driver.address}:9", "--dask_connection_timeout", "5")
    if isinstance(site.cluster, Flink):
        where = (f"--job_endpoint={site.driver.address}:9", "--job_server_timeout=5")
    command = (
        "prepare",
        "mnist",
        "--source",
        "sample",
        "-o",
        f"{storage.bucket}/nobody",
        "--runner",
        site.cluster.runner[1],
        "--",
    )
    process = site.driver.start(Path(sys.executable).with_name("gan-pipeline"), *command, *where, env=site.env)
    _, err = process.communicate(timeout=_MOST_SECONDS)
    assert process.returncode == 75, err
    assert "its cluster or job server cannot be reached, or was lost (" in err and "Traceback" not in err
    told(site.cluster.name, "nobody listens", "exit 75", time.monotonic() - started)


def test_one_worker_and_two(site: Site, storage: StorageServer) -> None:
    """How the rate grows with the workers, printed; on a machine of two cores it cannot grow much."""
    for workers in (2, 1):
        if workers == 1:
            site.workers[1].kill_all()
        started = time.monotonic()
        ended(site.start(DISTURBED, storage, f"rate-{workers}"))
        seconds = time.monotonic() - started
        told(site.cluster.name, f"{workers} workers", f"{_PAIRS / seconds:.1f} pairs/s", seconds)
    site.replace(site.workers[1])
