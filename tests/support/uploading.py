"""A session that writes checkpoints through a mirror, without TensorFlow, in this process or in one that may be killed."""

import multiprocessing
import os
from multiprocessing.context import ForkServerProcess

from gan_core.interruption import Interruption
from gan_core.storage import CloudFolder
from gan_train.runs import lease
from gan_train.runs.mirror import Mirror, mirrored

LAST = 3


def train(uri: str) -> None:
    """Go on from the newest checkpoint to the last step; keep one, and a log of all steps."""
    lease.SETTLE_SECONDS = 0.0
    with mirrored(CloudFolder(uri), Interruption()) as run:
        start = max(_whole(run), default=0)
        _keep_only(run, start)
        kept = run.read("log").split() if run.exists("log") else []
        run.write("log", b"".join(step + b"\n" for step in kept if int(step) <= start))
        for step in range(start + 1, LAST + 1):
            with open(run.path / "log", "ab") as log:
                log.write(b"%d\n" % step)
            run.appended("log")
            run.write(f"samples/{step}", b"sample %d" % step)
            for name in ("variables", "state", "COMMIT"):
                run.write(f"{step}/{name}", f"{name} of {step}".encode())
            _keep_only(run, step)


def _whole(run: Mirror) -> set[int]:
    return {int(name.split("/")[0]) for name in run.names() if name.endswith("/COMMIT")}


def _keep_only(run: Mirror, step: int) -> None:
    """Remove the other checkpoints, whole or half; what commits one goes first."""
    for old in {int(name.split("/")[0]) for name in run.names() if name[0].isdigit()} - {step}:
        run.remove(f"{old}/COMMIT")
        run.remove_all(f"{old}/")


def _train_in(environment: dict[str, str], uri: str) -> None:
    os.environ.update(environment)
    train(uri)


def start(uri: str) -> ForkServerProcess:
    """`train` in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.uploading", "google.cloud.storage"])
    # The server that children are forked from has the environment of the first test that used it.
    process = context.Process(target=_train_in, args=(dict(os.environ), uri))
    process.start()
    return process
