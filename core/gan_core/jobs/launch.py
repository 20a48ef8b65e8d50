"""The first process of a container: it looks at the machine, tells a program its place among the workers, and starts it.

    python -m gan_core.jobs.launch gan-train run mnist-gan --data gs://bucket/digits -o gs://bucket/runs/first
    python -m gan_core.jobs.launch --retries=3 gan-train run ...
    python -m gan_core.jobs.launch --doctor=gan-train --doctor=doctor --doctor=--in-job gan-train run ...

On Batch, `TF_CONFIG` is made of the list of machines and the number of this one, and `{index}` in the arguments becomes the
number of the task. With --retries the program is started again after an exit code that may pass, and not after a signal. Each
--doctor is a word of a command that runs before; if it fails, its exit code ends the job.
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
from gan_core.jobs.job import INDEX, INTERRUPTED, PORT, RETRIED_CODES
from gan_core.jobs.tf_config import tf_config

_RETRIES = "--retries="
_DOCTOR = "--doctor="


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


class Children:
    """Processes that run one after the other, and get the signals that ask this one to stop.

    Attributes:
        asked_to_stop: whether there was such a signal; no further process is started after it.
    """

    def __init__(self) -> None:
        self.asked_to_stop = False
        self._running: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True
        if self._running is not None:
            self._running.send_signal(number)

    def run(self, command: Sequence[str], environment: Mapping[str, str], retries: int) -> int:
        """Run a command until it ends for good.

        Args:
            command: a program and its arguments.
            environment: its variables.
            retries: how often it is started again after one of `RETRIED_CODES`.

        Returns:
            The last exit code; 128 and the number of the signal for a program that a signal killed.
        """
        code = 0
        for attempt in range(retries + 1):
            self._running = subprocess.Popen(command, env=dict(environment))
            if self.asked_to_stop:
                # The signal came before this process was there to receive it.
                self._running.terminate()
            code = self._running.wait()
            if self.asked_to_stop or code not in RETRIED_CODES:
                break
            if attempt < retries:
                print(f"exit code {code}: attempt {attempt + 2} of {retries + 1}", file=sys.stderr, flush=True)
        return code if code >= 0 else 128 - code


def main(arguments: Sequence[str]) -> NoReturn:
    """Look at the machine if that is asked for, and start the program of this task.

    It takes the place of this process where nothing is to be repeated.
    """
    retries, doctor = 0, list[str]()
    while arguments and arguments[0].startswith((_RETRIES, _DOCTOR)):
        option, _, value = arguments[0].partition("=")
        if f"{option}=" == _RETRIES:
            retries = int(value)
        else:
            doctor.append(value)
        arguments = arguments[1:]
    try:
        command, environment = placed(arguments, os.environ)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    children = Children() if doctor or retries else None
    if children and doctor:
        code = children.run(placed(doctor, os.environ)[0], environment, retries)
        if code or children.asked_to_stop:
            sys.exit(code or INTERRUPTED)
    if children and retries:
        sys.exit(children.run(command, environment, retries))
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])
