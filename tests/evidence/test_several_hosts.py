"""Training on two and three hosts: what each fault leads to, how soon, and that the same commands go on bit for bit.

The hosts are network namespaces of this machine: this needs root, iproute2 and nftables. `make evidence` prints the table.
"""

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.commands import Argument
from tests.support.datasets import run_cli
from tests.support.forked import Forked, fork_gan_train
from tests.support.hosts import Host, hosts
from tests.support.runs import assert_same_checkpoint, trained_numbers
from tests.support.workers import tf_config

pytestmark = pytest.mark.evidence

STEPS, FAULT = 300, 150
GOAL_SECONDS = 30.0
"""From a fault to the end of every process."""

PATIENCE_SECONDS = 900.0
"""Only a test that has failed takes so long."""

PAUSES = f"""
import os, time
from gan_train.logs.metrics_writer import MetricsWriter
write = MetricsWriter.write_row
def write_and_pause(self, row):
    write(self, row)
    if row["step"] == {FAULT}:
        open(os.environ["PAUSED"], "w").close()
        while not os.path.exists(os.environ["GO"]):
            time.sleep(0.05)
MetricsWriter.write_row = write_and_pause
"""
"""Makes a worker wait in the middle of its training for the fault that comes; its signs of life go on."""

OLDER = """
import gan_train.distribution.worker as worker
packages = worker.packages
worker.packages = lambda recipe: packages(recipe) | {"tensorflow": "2.3.4"}
"""

LISTENS = "import socket, sys; socket.create_connection((sys.argv[1], 2222), 1)"


@dataclass
class Team:
    """Hosts with one worker each.

    Attributes:
        machines: the hosts.
        folder: of runs and outputs.
        data: the dataset.
        workers: the processes, by the order of the hosts.
    """

    machines: list[Host]
    folder: Path
    data: Path
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    workers: list[Forked] = field(default_factory=list)

    def start(self, index: int, *more: Argument, size: int | None = None, prelude: str = "", **env: str) -> None:
        """Start the worker of a host; `size` is the number of hosts that take part."""
        addresses = [f"{host.address}:2222" for host in self.machines[:size]]
        keys = (
            f"steps={STEPS}",
            "batch_size=48",
            "log_every=10",
            "steps_per_call=10",
            "checkpoint_every=100",
            "snapshot_every=300",
        )
        options = [part for key in keys for part in ("--set", key)]
        self.workers.append(
            fork_gan_train(
                self.machines[index],
                ["run", "curve-gan", "--data", self.data, "-o", self.folder / f"run-{index}", *options, *more],
                {
                    "TF_CONFIG": tf_config(addresses, index),
                    "GANMILL_SECRET": self.secret,
                    "TMPDIR": str(self.folder),
                    "PAUSED": str(self.folder / f"paused-{index}"),
                    "GO": str(self.folder / "go"),
                    **env,
                },
                self.folder / f"output-{index}",
                prelude,
            )
        )

    def wait_for_pause(self, index: int) -> None:
        """Wait until a worker that was started with `PAUSES` is in the middle of its training."""
        self.wait(lambda: (self.folder / f"paused-{index}").exists())

    def go(self) -> None:
        """Let the workers that pause go on."""
        (self.folder / "go").touch()

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait for something while no worker ends."""
        began = time.monotonic()
        while not until():
            assert not any(worker.poll() for worker in self.workers), self.told()
            assert time.monotonic() - began < PATIENCE_SECONDS, self.told()
            time.sleep(0.02)

    def end(self, since: float) -> list[float]:
        """Wait for the end of all workers; the seconds that each took."""
        while sum(worker.poll() for worker in self.workers) < len(self.workers):
            assert time.monotonic() - since < PATIENCE_SECONDS, self.told()
            time.sleep(0.02)
        return [round(worker.ended - since, 1) for worker in self.workers]

    def told(self) -> str:
        """All that the workers have written."""
        return "\n".join(worker.told() for worker in self.workers)

    def codes(self) -> list[int | None]:
        """Exit codes of the workers."""
        return [worker.code for worker in self.workers]

    def again(self, size: int | None = None) -> None:
        """Start the same commands again, on fewer hosts if `size` says so, and wait for success."""
        self.go()
        self.workers = []
        for index in range(size or len(self.machines)):
            self.start(index, size=size)
        self.end(time.monotonic())
        assert set(self.codes()) == {0}, self.told()

    @property
    def run(self) -> Path:
        """The chief's run folder."""
        return self.folder / "run-0"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Points on a sine curve."""
    folder = tmp_path_factory.mktemp("data") / "sine"
    return curve("sine", folder)


def curve(function: str, folder: Path) -> Path:
    ran = run_cli("prepare", "curve", "--function", function, "-o", folder)
    assert ran.code == 0, ran.err
    return folder


@contextmanager
def team_of(number: int, folder: Path, data: Path) -> Iterator[Team]:
    with hosts(number) as machines:
        team = Team(machines, folder, data)
        try:
            yield team
        finally:
            for worker in team.workers:
                worker.kill()


@pytest.fixture
def two(tmp_path: Path, data: Path) -> Iterator[Team]:
    with team_of(2, tmp_path, data) as team:
        yield team


@pytest.fixture
def three(tmp_path: Path, data: Path) -> Iterator[Team]:
    with team_of(3, tmp_path, data) as team:
        yield team


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Path]:
    """Run folder of two hosts that nothing disturbed."""
    with team_of(2, tmp_path_factory.mktemp("undisturbed"), data) as team:
        for index in (0, 1):
            team.start(index)
        done: dict[int, float] = {}
        while sum(worker.poll() for worker in team.workers) < 2:
            for index, worker in enumerate(team.workers):
                if "done: step" in worker.told():
                    done.setdefault(index, time.monotonic())
            time.sleep(0.02)
        seconds = [round(worker.ended - done.get(index, worker.ended), 1) for index, worker in enumerate(team.workers)]
        print_row("none, from 'done' to the end", team.codes(), seconds, team.told())
        assert team.codes() == [0, 0], team.told()
        assert max(seconds) < 2, "processes end soon after they are done"
        yield team.run


def print_row(fault: str, codes: Sequence[int | None], seconds: Sequence[float], told: str) -> None:
    errors = sorted({line for line in told.splitlines() if line.startswith(("error:", "interrupted:"))})
    print(f"\n| {fault} | {codes} | {seconds} | {' // '.join(errors)} |", flush=True)


def kill(index: int) -> Callable[[Team], None]:
    return lambda team: os.kill(team.workers[index].pid, signal.SIGKILL)


def cut(team: Team) -> None:
    team.machines[-1].pull_cable()


def drop(team: Team) -> None:
    team.machines[-1].drop_packets()


SILENT = "no sign of life for 15 seconds, so its machine or the network is gone"
FAULTS = [
    pytest.param("worker killed", kill(1), [75, -9], {0: "lost worker 1 ({1}): its process ended"}, id="worker-killed"),
    pytest.param("chief killed", kill(0), [-9, 75], {1: "lost worker 0 ({0}): its process ended"}, id="chief-killed"),
    pytest.param(
        "link down for good",
        cut,
        [75, 75],
        {0: f"lost worker 1 ({{1}}): {SILENT}", 1: f"lost worker 0 ({{0}}): {SILENT}"},
        id="cut",
    ),
    pytest.param(
        "firewall drops all",
        drop,
        [75, 75],
        {0: f"lost worker 1 ({{1}}): {SILENT}", 1: f"lost worker 0 ({{0}}): {SILENT}"},
        id="drop",
    ),
]


@pytest.mark.parametrize(("name", "fault", "codes", "words"), FAULTS)
def test_a_loss_ends_all_soon_and_the_same_commands_end_at_the_same_bits(
    name: str, fault: Callable[[Team], None], codes: list[int], words: dict[int, str], two: Team, undisturbed: Path
) -> None:
    two.start(0)
    two.start(1, prelude=PAUSES)
    two.wait_for_pause(1)
    fault(two)
    since = time.monotonic()
    two.go()
    seconds = two.end(since)
    print_row(name, two.codes(), seconds, two.told())
    assert two.codes() == codes and max(seconds) < GOAL_SECONDS
    for index, text in words.items():
        message = text.format(*(f"{host.address}:2222" for host in two.machines))
        assert message in two.workers[index].told() and "same commands" in two.workers[index].told()
        assert "Traceback" not in two.workers[index].told()
    two.machines[-1].plug_in()
    if fault is drop:
        two.machines[-1].pass_packets()
    two.again()
    assert_same_checkpoint(two.run, undisturbed, STEPS)


def test_a_network_that_is_gone_for_five_seconds_is_survived(two: Team, undisturbed: Path) -> None:
    two.start(0)
    two.start(1, prelude=PAUSES)
    two.wait_for_pause(1)
    two.machines[1].pull_cable()
    since = time.monotonic()
    two.go()
    two.wait(lambda: time.monotonic() - since > 5)
    two.machines[1].plug_in()
    seconds = two.end(since)
    print_row("link down for 5 s", two.codes(), seconds, two.told())
    assert two.codes() == [0, 0], two.told()
    assert_same_checkpoint(two.run, undisturbed, STEPS)


def test_a_signal_to_one_ends_all_at_the_same_step(two: Team, undisturbed: Path) -> None:
    two.start(0)
    two.start(1, prelude=PAUSES)
    two.wait_for_pause(1)
    os.kill(two.workers[1].pid, signal.SIGTERM)
    since = time.monotonic()
    two.go()
    seconds = two.end(since)
    print_row("SIGTERM to a worker", two.codes(), seconds, two.told())
    assert two.codes() == [75, 75] and max(seconds) < 10
    assert two.told().count("stopped by SIGTERM at worker 1") == 2
    two.again()
    assert_same_checkpoint(two.run, undisturbed, STEPS)


def test_of_three_hosts_the_two_that_are_left_name_the_third_and_go_on_without_it(three: Team) -> None:
    for index in (0, 1):
        three.start(index)
    three.start(2, prelude=PAUSES)
    three.wait_for_pause(2)
    os.kill(three.workers[2].pid, signal.SIGKILL)
    since = time.monotonic()
    seconds = three.end(since)
    print_row("one of three killed", three.codes(), seconds, three.told())
    assert three.codes() == [75, 75, -9] and max(seconds) < GOAL_SECONDS
    lost = f"lost worker 2 ({three.machines[2].address}:2222): its process ended"
    assert lost in three.workers[0].told() and lost in three.workers[1].told()
    three.again(size=2)
    rows = trained_numbers((three.run / "metrics.jsonl").read_bytes())
    assert [row["step"] for row in rows] == list(range(10, STEPS + 1, 10))


def test_a_worker_that_comes_late_takes_part(two: Team, undisturbed: Path) -> None:
    two.start(0)
    two.wait(lambda: two.machines[1].run(sys.executable, "-c", LISTENS, two.machines[0].address).returncode == 0)
    two.start(1)
    two.end(time.monotonic())
    assert two.codes() == [0, 0], two.told()
    assert_same_checkpoint(two.run, undisturbed, STEPS)


def test_a_worker_that_never_comes_is_named(two: Team) -> None:
    since = time.monotonic()
    two.start(0, "--cluster-timeout", "5")
    seconds = two.end(since)
    print_row("a worker never comes (--cluster-timeout 5)", two.codes(), seconds, two.told())
    assert two.codes() == [75]
    assert f"no answer within 5 seconds from worker 1 ({two.machines[1].address}:2222)" in two.told()


@pytest.mark.parametrize("what", ["version", "dataset", "secret"])
def test_a_worker_that_differs_is_named_with_the_difference(what: str, two: Team, tmp_path: Path) -> None:
    two.start(0, *(("--cluster-timeout", "10") if what == "secret" else ()))
    if what == "version":
        two.start(1, prelude=OLDER)
        expected, codes = 'in packages.tensorflow: "2.3.4" there', [2, 2]
    elif what == "dataset":
        two.start(1, "--data", curve("gaussian", tmp_path / "gaussian"))
        expected, codes = "in dataset digest: ", [2, 2]
    else:
        two.start(1, GANMILL_SECRET="x" * 32)
        expected, codes = "has another secret than this worker", [75, 2]
    since = time.monotonic()
    seconds = two.end(since)
    print_row(f"another {what}", two.codes(), seconds, two.told())
    assert two.codes() == codes and expected in two.told() and "Traceback" not in two.told()
