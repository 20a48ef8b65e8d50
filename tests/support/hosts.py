"""Hosts on this one machine: network namespaces on a switch, each with an address and a cable of its own.

Processes of two hosts reach each other by their addresses alone, 10.x.y.1, 10.x.y.2 and so on; loopback is each host's own. The
process that made the hosts has an address of the same network, 10.x.y.254, for what all hosts reach, such as a storage. Disks
are shared: let each host write to a folder of its own. Root, iproute2 and nftables are needed.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import IO

from tests.support.commands import Argument

TOOLS = ("ip", "nft")

_NETWORKS = count()
"""Numbers of the networks that this process has made."""

_RULES = """
table inet cut {
    chain from_others { type filter hook input priority 0; iif "eth0" drop; }
    chain to_others { type filter hook output priority 0; oif "eth0" drop; }
}
"""


@dataclass(frozen=True)
class Host:
    """A host.

    Attributes:
        namespace: name of its network namespace.
        address: its IPv4 address.
        plug: name of the end of its cable at the switch.
    """

    namespace: str
    address: str
    plug: str

    def start(
        self,
        *command: Argument,
        env: Mapping[str, str] | None = None,
        stdout: int | IO[str] | None = subprocess.PIPE,
        stderr: int | IO[str] | None = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a command on this host, with more variables in its environment. Its process id is that of the command."""
        return subprocess.Popen(
            self._prefixed(command), env={**os.environ, **(env or {})}, stdout=stdout, stderr=stderr, text=True
        )

    def run(self, *command: Argument, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command on this host to its end."""
        return subprocess.run(
            self._prefixed(command), env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
        )

    def pull_cable(self) -> None:
        """Take the link of this host down."""
        _ip("link", "set", self.plug, "down")

    def plug_in(self) -> None:
        """Take the link of this host up again."""
        _ip("link", "set", self.plug, "up")

    def drop_packets(self) -> None:
        """Let a firewall drop all packets from and to this host, without an answer to anybody."""
        subprocess.run(self._prefixed(["nft", "-f", "-"]), input=_RULES, text=True, check=True)

    def pass_packets(self) -> None:
        """Remove that firewall."""
        subprocess.run(self._prefixed(["nft", "delete", "table", "inet", "cut"]), check=True)

    def kill_all(self) -> None:
        """Kill every process of this host."""
        pids = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=True).stdout
        for pid in pids.split():
            os.kill(int(pid), signal.SIGKILL)

    def _prefixed(self, command: Sequence[Argument]) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *map(os.fspath, command)]


def missing_for_hosts() -> str:
    """Say in words what this machine lacks to make hosts; "" if nothing."""
    if os.geteuid() != 0:
        return "network namespaces are made by root"
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"not found: {', '.join(absent)}; install the packages iproute2 and nftables" if absent else ""


@contextmanager
def hosts(number: int) -> Iterator[list[Host]]:
    """Make hosts that reach each other. After the block their processes are killed and they are removed.

    Raises:
        RuntimeError: this machine cannot make them.
    """
    if lacking := missing_for_hosts():
        raise RuntimeError(lacking)
    network = next(_NETWORKS)
    # Two programs that make hosts at the same time take different names and addresses.
    name = f"gm{os.getpid() % 100_000}-{network % 100}"
    subnet = f"10.{64 + os.getpid() % 128}.{network % 256}"
    with ExitStack() as stack:
        _ip("link", "add", name, "type", "bridge")
        stack.callback(_ip, "link", "del", name)
        _ip("address", "add", f"{subnet}.254/24", "dev", name)
        _ip("link", "set", name, "up")
        yield [stack.enter_context(_host(name, index, f"{subnet}.{index}")) for index in range(1, number + 1)]


@contextmanager
def _host(switch: str, index: int, address: str) -> Iterator[Host]:
    made = Host(f"{switch}-{index}", address, f"{switch}.{index}")
    _ip("netns", "add", made.namespace)
    try:
        _ip("link", "add", made.plug, "type", "veth", "peer", "name", "eth0", "netns", made.namespace)
        _ip("link", "set", made.plug, "master", switch)
        _ip("link", "set", made.plug, "up")
        for link in ("lo", "eth0"):
            _ip("-n", made.namespace, "link", "set", link, "up")
        _ip("-n", made.namespace, "address", "add", f"{address}/24", "dev", "eth0")
        yield made
    finally:
        made.kill_all()
        _ip("netns", "del", made.namespace)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
