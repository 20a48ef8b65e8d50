"""The check of the workers of TF_CONFIG: they meet at their ports, compare versions, and add up a number together.

TensorFlow can join a cluster only at the start of a process, so that the check runs in one of its own:
`python -m gan_train.doctor.workers SECONDS`.
"""

import json
import os
import subprocess
import sys
from importlib.metadata import version

from gan_core.doctor.check import Result
from gan_core.errors import GanmillError, InterruptedRunError, mark, unmark
from gan_core.interruption import interruption

_START_SECONDS = 60.0
"""Seconds for a process to start, to connect and to end, beside the wait for the other workers."""

_COMPARED = ("ganmill", "tensorflow", "keras", "numpy")
"""Packages that must have the same version on all workers."""


def check_workers(timeout: float) -> Result:
    """Meet the other workers, and add up a number with them.

    Args:
        timeout: seconds to wait for the other workers.

    Raises:
        UsageError: TF_CONFIG or the secret is wrong, the port is taken, or a worker has other versions.
        InterruptedRunError: a worker did not come, or the all-reduce did not end; the message names who is missing.
    """
    command = [sys.executable, "-m", "gan_train.doctor.workers", str(timeout)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * timeout + _START_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise InterruptedRunError(
            f"the workers did not finish within {error.timeout:g} seconds; look at what the others say, then start all again"
        ) from error
    failure = unmark(done.stdout)
    if failure is not None:
        raise failure
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise InterruptedRunError(f"the process that meets the other workers died: {last}; start all workers again")
    return Result("ok", done.stdout.strip())


def _main(timeout: float) -> None:
    """Meet and compute; print what was found, or the error, marked."""
    from gan_core.quiet import import_tensorflow
    from gan_train.distribution.cluster import find_cluster

    cluster = find_cluster("multiworker", os.environ)
    if cluster is None:
        print("TF_CONFIG names one worker, which has nobody to meet")
        return
    from gan_train.distribution.company import company
    from gan_train.distribution.secret import read_secret

    compared = {f"packages.{name}": version(name) for name in _COMPARED} | {"cluster": [str(one) for one in cluster.workers]}
    facts, secret = {name: json.dumps(value) for name, value in compared.items()}, read_secret(cluster, os.environ)
    with interruption() as own, company(cluster, facts, {}, timeout, secret, own, _abort) as together:
        import_tensorflow()
        from gan_train.distribution.lockstep import SharedInterruption, self_test
        from gan_train.distribution.strategy import make_strategy

        strategy = make_strategy("multiworker", cluster=cluster)
        self_test(SharedInterruption(own, cluster, strategy), cluster, timeout)
        together.settled = True
    print(f"{cluster.own} met {len(cluster.workers) - 1} others at their ports, with the same versions; all-reduce is right")


def _abort(reason: str) -> None:
    """Let the all-reduce fail once a worker is lost. Late, because it brings TensorFlow."""
    from gan_train.distribution.strategy import abort_collectives

    abort_collectives(reason)


if __name__ == "__main__":
    try:
        _main(float(sys.argv[1]))
    except GanmillError as error:
        print(mark(error))
    sys.stdout.flush()
    # TensorFlow waits at its end for the other workers.
    os._exit(0)
