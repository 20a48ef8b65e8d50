"""Dask and Flink as clusters of hosts: how they are started, and the options by which `prepare` finds them."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Protocol

from tests.support.hosts import Host
from tests.support.waiting import Said

JARS = "GANMILL_FLINK_JARS"
"""Environment variable: the folder with the jars of Flink and of Beam's job server; `make deploy-test` fills and names it."""


class Cluster(Protocol):
    """A cluster that is up."""

    name: str
    runner: tuple[str, ...]
    """The arguments of `prepare`; options of the runner stand behind "--"."""

    def start_worker(self, host: Host) -> None: ...


@dataclass
class Dask:
    """A scheduler on the first host, and workers of one thread.

    Attributes:
        head: the host of the scheduler.
        env: more variables of the environment of each process.
        folder: for the files of the workers.
    """

    head: Host
    env: Mapping[str, str]
    folder: Path
    name: str = "Dask"
    workers: dict[str, "Popen[str]"] = field(default_factory=dict)
    logs: dict[str, Said] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # By default a scheduler takes five minutes to notice that a worker is silent. On a machine with much other work, 30
        # seconds were so few that workers were given up which only waited for a core.
        self.env = {**self.env, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "120s"}
        address = ("--host", self.head.address, "--port", "8786", "--no-dashboard")
        self.scheduler = self.head.start(sys.executable, "-m", "distributed.cli.dask_scheduler", *address, env=self.env)
        Said(self.scheduler).wait_for("Scheduler at:")
        self.runner = ("--runner", "DaskRunner", "--", "--dask_client_address", f"tcp://{self.head.address}:8786")

    def start_worker(self, host: Host) -> None:
        options = ("--host", host.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", self.folder)
        command = ("-m", "distributed.cli.dask_worker", f"tcp://{self.head.address}:8786", *options)
        self.workers[host.namespace] = host.start(sys.executable, *command, env=self.env)
        self.logs[host.namespace] = Said(self.workers[host.namespace])
        self.logs[host.namespace].wait_for("Registered to:")


_OPEN = ("util", "lang", "net", "io", "nio", "lang.reflect", "text", "time", "util.concurrent", "util.concurrent.atomic")
_OPENED = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in _OPEN]
_JAVA = ("java", *_OPENED, "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "-XX:TieredStopAtLevel=1", "-cp")

_SETTINGS = """
jobmanager.rpc.address: {head}
jobmanager.rpc.port: 6123
jobmanager.bind-host: {here}
jobmanager.memory.process.size: 1200m
rest.address: {head}
rest.bind-address: {here}
rest.port: 8081
taskmanager.host: {here}
taskmanager.bind-host: {here}
taskmanager.numberOfTaskSlots: 2
taskmanager.cpu.cores: 1
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.max: 128m
taskmanager.memory.jvm-overhead.min: 128m
taskmanager.memory.managed.size: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.network.min: 64m
taskmanager.memory.task.heap.size: 300m
taskmanager.memory.task.off-heap.size: 0m
cluster.evenly-spread-out-slots: true
heartbeat.interval: 2000
heartbeat.timeout: 10000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 5
restart-strategy.fixed-delay.delay: 1 s
io.tmp.dirs: {folder}
"""


@dataclass
class Flink:
    """A JobManager and Beam's job server on the first host; on each other host a TaskManager and Beam's Python workers.

    Attributes: see `Dask`.
    """

    head: Host
    env: Mapping[str, str]
    folder: Path
    name: str = "Flink"
    workers: dict[str, "Popen[str]"] = field(default_factory=dict)
    logs: dict[str, Said] = field(default_factory=dict)

    def __post_init__(self) -> None:
        here = self.head.address
        jobs = self._java(self.head, "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint")
        jobs.wait_for("was granted leadership")
        master = f"{here}:8081"
        ports = ("--job-host", here, "--job-port", "8099", "--artifact-port", "8098", "--expansion-port", "0")
        driver = ("org.apache.beam.runners.flink.FlinkJobServerDriver", "--flink-master", master, *ports)
        self._java(self.head, *driver, "--artifacts-dir", str(self.folder / "artifacts"), settings=False).wait_for(
            "JobService started"
        )
        workers = ("--environment_type=EXTERNAL", "--environment_config=localhost:50000", "--parallelism=2")
        self.runner = ("--runner", "FlinkRunner", "--", f"--flink_master={master}", f"--job_endpoint={here}:8099", *workers)

    def start_worker(self, host: Host) -> None:
        pool = ("-m", "apache_beam.runners.worker.worker_pool_main", "--service_port=50000")
        self.workers[host.namespace] = host.start(sys.executable, *pool, env=self.env)
        Said(self.workers[host.namespace])
        self.logs[host.namespace] = self._java(host, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner")
        self.logs[host.namespace].wait_for("Successful registration at resource manager")

    def _java(self, host: Host, name: str, *arguments: str, settings: bool = True) -> Said:
        if settings:
            folder = self.folder / host.address
            folder.mkdir(parents=True, exist_ok=True)
            words = _SETTINGS.format(head=self.head.address, here=host.address, folder=folder)
            (folder / "flink-conf.yaml").write_text(words)
            arguments = (*arguments, "--configDir", str(folder))
        jars = f"{os.environ[JARS]}/*"
        return Said(host.start(*_JAVA, jars, "-Xmx600m", name, *arguments, env=self.env))


def arguments_of(cluster: Cluster, *arguments: str | os.PathLike[str]) -> Sequence[str]:
    """The arguments of a command of `gan-pipeline` that runs on a cluster."""
    return [*map(os.fspath, arguments), *cluster.runner]
