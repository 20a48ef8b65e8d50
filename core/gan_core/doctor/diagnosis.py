"""The command `doctor`: makes checks, tells each result, and decides the exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from gan_core.command import print_json, print_text
from gan_core.doctor.check import UNFIT, Check, Checked, is_hanging, run_checks
from gan_core.errors import StorageError

SECONDS = 60.0
"""The seconds that all checks together may take, beside the wait for other workers."""

_FAILED = 1
_INDENT = " " * 9


def diagnose(program: str, checks: Sequence[Check], limit: float, in_job: bool, as_json: bool) -> NoReturn:
    """Make checks, print their results, and end the command with 0 or 1.

    Args:
        program: whose checks these are, for the JSON document.
        checks: in this order.
        limit: seconds for all of them together.
        in_job: end with `UNFIT` instead of 1; or, if all that failed may pass, with the code of a storage that refused,
            after which a job is tried again.
        as_json: print one document at the end, instead of a line for each check as it is made.
    """
    made: list[Checked] = []
    for one in run_checks(checks, limit):
        made.append(one)
        if not as_json:
            print_text(line(one))
            sys.stdout.flush()
    if as_json:
        print_json(document(program, made))
    else:
        print_text(summary(made))
    code = exit_code(made, in_job)
    if is_hanging():
        # Python and TensorFlow would wait for the check at their end.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise typer.Exit(code)


def exit_code(made: Sequence[Checked], in_job: bool) -> int:
    """The exit code after these checks; see `diagnose`."""
    failed = [one.result for one in made if one.result.state == "failed"]
    if not failed:
        return 0
    if not in_job:
        return _FAILED
    return StorageError.exit_code if all(one.may_pass for one in failed) else UNFIT


def line(one: Checked) -> str:
    """The result of a check for a person: state, name, what was found, and what to do in a second line."""
    result = one.result
    advice = f"\n{_INDENT}{result.advice}" if result.advice else ""
    return f"{result.state:<7}  {one.name}: {result.found}{advice}"


def summary(made: Sequence[Checked]) -> str:
    """The last line: how many checks failed, and how long all took."""
    count = {state: sum(one.result.state == state for one in made) for state in ("ok", "warning", "failed")}
    seconds = sum(one.seconds for one in made)
    return f"{count['ok']} ok, {count['warning']} warnings, {count['failed']} failed, in {seconds:.1f} seconds"


def document(program: str, made: Sequence[Checked]) -> dict[str, Any]:
    """The document of --json; docs/guides/operations.md has its form."""
    return {
        "program": program,
        "failed": any(one.result.state == "failed" for one in made),
        "checks": [
            {
                "name": one.name,
                "state": one.result.state,
                "found": one.result.found,
                "advice": one.result.advice,
                "may_pass": one.result.may_pass,
                "seconds": round(one.seconds, 3),
            }
            for one in made
        ],
    }
