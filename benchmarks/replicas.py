"""Steps per second on one device, on two replicas in one process, and on two worker processes, of this machine.

    python benchmarks/replicas.py [--recipe mnist-gan] [--batch 64] [--steps 40] [--rounds 3]

Every way is the command itself, with the same global batch and data; the rounds take turns. On a CPU all ways share the same
cores, so this shows what sharing costs, not what a second machine gains.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

_DEVICES = {
    "one device": ("--strategy", "default"),
    "two replicas": ("--strategy", "mirrored", "--logical-cpus", "2"),
    "two workers": ("--strategy", "multiworker"),
}


def _command(name: str, *arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name(name)), *arguments]


def _cluster() -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def steps_per_second(options: tuple[str, ...], command: list[str], out: str, batch: int) -> float:
    """Median over the calls of a run but its first two, which trace and warm up."""
    addresses = _cluster()
    count = 2 if "multiworker" in options else 1
    processes = []
    for index in range(count):
        config = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        processes.append(subprocess.Popen([*command, "-o", out, *options], env=os.environ | {"TF_CONFIG": config}))
    codes = [process.wait() for process in processes]
    if any(codes):
        sys.exit("a run failed; see above")
    speeds = [json.loads(line)["images_per_second"] for line in (Path(out) / "metrics.jsonl").read_text().splitlines()]
    return statistics.median(speeds[2:]) / batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="mnist-gan")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ganmill-benchmark-") as folder:
        data = f"{folder}/digits"
        subprocess.run(_command("gan-pipeline", "prepare", "mnist", "--source", "sample", "-o", data), check=True)
        every = chosen.steps // 8
        keys = (f"batch_size={chosen.batch}", f"steps_per_call={every}", f"log_every={every}", f"snapshot_every={chosen.steps}")
        sets = [part for key in (*keys, f"checkpoint_every={chosen.steps}") for part in ("--set", key)]
        command = _command("gan-train", "run", chosen.recipe, "--data", data, "--steps", str(chosen.steps), *sets)
        speeds: dict[str, list[float]] = {name: [] for name in _DEVICES}
        for number in range(chosen.rounds):
            for name, options in _DEVICES.items():
                out = f"{folder}/{name.replace(' ', '-')}-{number}"
                speeds[name].append(steps_per_second(options, command, out, chosen.batch))
    one = statistics.median(speeds["one device"])
    print(f"{chosen.recipe}, global batch {chosen.batch}, median of {chosen.rounds} rounds:")
    for name, values in speeds.items():
        print(f"  {name:<14} {statistics.median(values):6.2f} steps/s  {statistics.median(values) / one:5.2f} x")


if __name__ == "__main__":
    main()
