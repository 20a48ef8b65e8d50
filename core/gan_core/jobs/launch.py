"""The first process of a container on Google Cloud: it tells a program its place among the workers, and starts it.

    python -m gan_core.jobs.launch gan-train run mnist-gan --data gs://bucket/digits -o gs://bucket/runs/first
    python -m gan_core.jobs.launch --retries=3 gan-train run ...

On Batch, `TF_CONFIG` is made of the list of machines and the number of this one, and `{index}` in the arguments becomes the
number of the task. With --retries the program is started again after an exit code that may pass, and not after a signal.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gan_core.errors import UsageError
from gan_core.jobs.job import INDEX, PORT, RETRIED_CODES
from gan_core.jobs.tf_config import tf_config

_RETRIES = "--retries="


def placed(command: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of this task.

    Args:
        command: a program and its arguments.
        environment: variables that the scheduler has set.

    Raises:
        UsageError: the list of machines has no line for this one.
    """
    index = environment.get("BATCH_TASK_INDEX")
    if index is None:
        return list(command), dict(environment)
    program, *arguments = command
    own = [program, *(argument.replace(INDEX, index) for argument in arguments)]
    file = environment.get("BATCH_HOSTS_FILE")
    if file is None:
        return own, dict(environment)
    hosts = Path(file).read_text().split()
    if int(index) >= len(hosts):
        raise UsageError(f"{file}: lists {len(hosts)} machines, and this is number {index}; the job needs one for each worker")
    return own, {**environment, "TF_CONFIG": tf_config([f"{host}:{PORT}" for host in hosts], int(index))}


def run_repeatedly(command: Sequence[str], environment: Mapping[str, str], retries: int) -> int:
    """Run a command until it ends for good.

    Args:
        command: a program and its arguments.
        environment: its variables.
        retries: how often it is started again after one of `RETRIED_CODES`.

    Returns:
        The last exit code; 128 and the number of the signal for a program that a signal killed.
    """
    asked_to_stop = False
    running: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True
        if running is not None:
            running.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    code = 0
    for attempt in range(retries + 1):
        running = subprocess.Popen(command, env=dict(environment))
        if asked_to_stop:
            # The signal came before this process was there to receive it.
            running.terminate()
        code = running.wait()
        if asked_to_stop or code not in RETRIED_CODES:
            break
        if attempt < retries:
            print(f"exit code {code}: attempt {attempt + 2} of {retries + 1}", file=sys.stderr, flush=True)
    return code if code >= 0 else 128 - code


def main(arguments: Sequence[str]) -> NoReturn:
    """Start the program of this task, in place of this process where nothing is to be repeated."""
    retries = 0
    if arguments and arguments[0].startswith(_RETRIES):
        retries, arguments = int(arguments[0].removeprefix(_RETRIES)), arguments[1:]
    try:
        command, environment = placed(arguments, os.environ)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    if retries:
        sys.exit(run_repeatedly(command, environment, retries))
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])
