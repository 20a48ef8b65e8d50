"""The command that a job runs: it is parsed as it would be when it starts, so that a mistake is found before it costs money."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import typer
from typer.core import TyperGroup

from gan_core.errors import UsageError
from gan_core.usage import PARSE_ERROR, usage_words


@dataclass(frozen=True)
class Program:
    """A program whose commands can be submitted.

    Attributes:
        name: as it is called.
        example: one of its commands with options, for the help text.
        folders: names, in Python, of the options and arguments of its commands that are folders or files.
        words: values of these that are no folders.
        check: a further check of a command, which raises GanmillError.
        split: the tasks of a command that stands for many, such as a sweep; None for all other commands.
        doctor: the arguments of the program's `doctor` that look at what a command needs; none for a command without one.
    """

    name: str
    example: str
    folders: frozenset[str]
    words: frozenset[str]
    check: Callable[["Line"], None]
    split: Callable[["Line"], "Tasks | None"]
    doctor: Callable[["Line"], tuple[str, ...]]


@dataclass(frozen=True)
class Tasks:
    """The tasks of an array job that a command stands for.

    Attributes:
        arguments: of the program, for each task.
        script: for a POSIX shell; it runs the task whose number the scheduler gives in its own variable.
    """

    arguments: Sequence[tuple[str, ...]]
    script: str


@dataclass(frozen=True)
class Line:
    """A parsed command.

    Attributes:
        command: its name, such as run.
        values: of its options and arguments, by their names in Python.
        further: what follows another -- in it.
    """

    command: str
    values: Mapping[str, Any]
    further: tuple[str, ...]


def parse_line(program: Program, submit: typer.Context, arguments: Sequence[str]) -> Line:
    """Parse what follows `--`, without running it.

    Args:
        program: that runs the command.
        submit: the context of the submitting command, whose program also has the command to submit.
        arguments: the command and its options.

    Raises:
        UsageError: there is no such command, or an option is unknown or its value wrong.
    """
    parent = submit.parent
    assert parent is not None and isinstance(parent.command, TyperGroup)
    if not arguments:
        raise UsageError(
            f"no command to submit; write it after --: {program.name} submit --target jobset --print -- {program.example}"
        )
    name, *rest = arguments
    command = parent.command.get_command(parent, name)
    if command is None or name == submit.info_name:
        raise UsageError(f"{name!r} is no command of {program.name} that can be submitted; '{program.name} --help' lists them")
    try:
        parsed = command.make_context(name, list(rest), parent=parent)
    except PARSE_ERROR as error:
        raise UsageError(f"{program.name} {name}: {usage_words(error)}") from error
    except typer.Exit as ended:
        raise UsageError(
            f"{program.name} {name}: its options only print something; a job needs a command that works"
        ) from ended
    return Line(name, parsed.params, tuple(parsed.args))


def check_places(program: Program, line: Line, mounts: Sequence[str]) -> None:
    """Check that a job elsewhere can reach the folders of a command.

    Args:
        program: that runs the command.
        line: the command.
        mounts: folders of volumes that the job has.

    Raises:
        UsageError: a folder is on this machine.
    """
    for name in sorted(program.folders & set(line.values)):
        values = line.values[name]
        for value in values if isinstance(values, list | tuple) else (values,):
            if isinstance(value, str) and value not in program.words and not _reachable(value, mounts):
                raise UsageError(
                    f"{line.command}: {value} is a folder of this machine, which the job cannot see or which is gone when it "
                    "ends; give gs://BUCKET/FOLDER, or a folder below one of kubernetes.volumes"
                )


def _reachable(place: str, mounts: Sequence[str]) -> bool:
    return place.startswith("gs://") or any(PurePosixPath(place).is_relative_to(mount) for mount in mounts)
