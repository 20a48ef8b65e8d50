"""gan-train as a child of a sweep: `python -m gan_train.cli.child PID run ...` stops when the process PID has ended.

A sweep that is killed cannot tell its runs to stop. Each looks for its parent itself, and then sends itself the SIGTERM that
lets it commit a checkpoint, so that the same sweep can continue it.
"""

import os
import signal
import sys
import threading
import time

from gan_train.cli.main import main

_SECONDS = 0.5
"""Seconds between two looks for the parent."""


def _stop_without(parent: int) -> None:
    """Wait until the parent has ended, and then ask this process to stop."""
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_without, args=(int(sys.argv.pop(1)),), daemon=True).start()
    sys.argv[0] = "gan-train"
    main()
