"""The first process of a container: `python -m gan_core.jobs.launch` in processes of its own, as the scheduler starts it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

SHOW = (
    sys.executable,
    "-c",
    "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('TF_CONFIG'), os.getpid()]))",
)


def launch(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gan_core.jobs.launch", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_a_task_of_batch_knows_its_number_and_all_machines(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("vm-0\nvm-1\n")
    process = launch(*SHOW, "run-{index}", BATCH_TASK_INDEX="1", BATCH_HOSTS_FILE=str(hosts))
    code, out, _ = ended(process)
    arguments, config, number = json.loads(out)
    assert code == 0 and arguments == ["run-1"]
    assert json.loads(config) == {
        "cluster": {"worker": ["vm-0:2222", "vm-1:2222"]},
        "task": {"type": "worker", "index": 1},
    }
    # The program takes the place of the launcher, so that it gets the scheduler's signals itself.
    assert number == process.pid


def test_elsewhere_nothing_is_changed() -> None:
    code, out, _ = ended(launch(*SHOW, "{index}", TF_CONFIG="{}"))
    assert code == 0 and json.loads(out)[:2] == [["{index}"], "{}"]


def test_a_list_without_this_machine_is_refused(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("vm-0\n")
    code, _, err = ended(launch(*SHOW, BATCH_TASK_INDEX="1", BATCH_HOSTS_FILE=str(hosts)))
    assert code == 2 and err == f"error: {hosts}: lists 1 machines, and this is number 1; the job needs one for each worker\n"


COUNT = "import sys, pathlib; path = pathlib.Path(sys.argv[1]); path.open('a').write('x'); codes = sys.argv[2:]; "
CODES = COUNT + "sys.exit(int(codes[path.stat().st_size - 1]))"


@pytest.mark.parametrize(
    ("codes", "last", "starts"),
    [(["75", "5", "0"], 0, 3), (["75", "3", "0"], 3, 2), (["2"], 2, 1), (["5", "5", "5", "5", "0"], 5, 4), (["1", "0"], 1, 1)],
)
def test_the_launcher_repeats_what_may_pass(tmp_path: Path, codes: list[str], last: int, starts: int) -> None:
    count = tmp_path / "count"
    code, _, err = ended(launch("--retries=3", sys.executable, "-c", CODES, str(count), *codes))
    assert (code, count.stat().st_size) == (last, starts)
    assert err.count("attempt") == starts - 1


def test_a_signal_reaches_the_program_and_ends_the_attempts() -> None:
    waiting = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(75)); print('ready', flush=True); signal.pause()"
    )
    process = launch("--retries=3", sys.executable, "-c", waiting)
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    assert (code, out, err) == (75, "", "")


def doctor(*command: str) -> list[str]:
    return [f"--doctor={word}" for word in command]


@pytest.mark.parametrize(("found", "code"), [("6", 6), ("1", 1)])
def test_a_machine_that_will_not_do_ends_the_job_before_the_command(found: str, code: int) -> None:
    process = launch("--retries=3", *doctor(sys.executable, "-c", f"raise SystemExit({found})"), *SHOW)
    assert ended(process) == (code, "", "")


def test_what_may_pass_is_looked_at_again(tmp_path: Path) -> None:
    count = tmp_path / "count"
    code, out, err = ended(launch("--retries=1", *doctor(sys.executable, "-c", CODES, str(count), "5", "0"), *SHOW, "done"))
    assert code == 0 and json.loads(out)[0] == ["done"] and "attempt 2 of 2" in err


def test_the_doctor_of_a_task_knows_its_number(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("vm-0\nvm-1\n")
    variables = {"BATCH_TASK_INDEX": "1", "BATCH_HOSTS_FILE": str(hosts)}
    code, out, _ = ended(launch(*doctor(*SHOW, "{index}"), *SHOW, **variables))
    first, second = map(json.loads, out.splitlines())
    assert code == 0 and first[0] == ["1"] and first[1] == second[1] and '"index": 1' in first[1]


def test_a_signal_during_the_doctor_ends_the_job() -> None:
    waiting = "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('ready', flush=True); signal.pause()"
    process = launch(*doctor(sys.executable, "-c", waiting), *SHOW)
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    # Exit code 75 lets the scheduler start the job again, although the doctor found nothing.
    assert ended(process) == (75, "", "")
