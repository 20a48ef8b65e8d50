"""The command `submit` of both programs."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.command import print_text
from gan_core.errors import UsageError
from gan_core.jobs.job import INDEX, Array, Job
from gan_core.jobs.line import Line, Program, check_places, parse_line
from gan_core.jobs.targets import Target, manifest, send
from gan_core.notices import say

if TYPE_CHECKING:
    from gan_core.jobs.spec import JobSpec

_DEFAULT_FILE = "job.yaml"
JOBS = "Jobs of clusters and clouds"
"""The heading of the command on the first page of a program."""


def add_submit(app: typer.Typer, program: Program) -> None:
    """Add the command `submit` to the commands of a program."""
    text = _HELP.format(example=f"{program.name} submit --target kubernetes --print -- {program.example}")
    app.command("submit", help=text, context_settings={"allow_extra_args": True})(_submit(program))


_HELP = """Run a command as a job of a cluster or a cloud.

    \b
      {example}

    What follows -- is checked as if it were run here. --print writes the manifest to stdout, --submit sends it. job.yaml says
    where, with how much of what, for how long and for how much money: docs/guides/jobs.md.

    Exit codes: 0 printed or sent, 2 wrong command line, job file or command, 5 the target refused or did not answer.
    """


def _submit(program: Program) -> Callable[..., None]:
    def submit(
        context: typer.Context,
        target: Annotated[Target, typer.Option(help="Where the job runs.", show_default=False)],
        spec: Annotated[str, typer.Option("--spec", metavar="FILE", help="The job file.")] = _DEFAULT_FILE,
        to_print: Annotated[
            bool, typer.Option("--print", help="Print the manifest; send nothing.", show_default=False)
        ] = False,
        to_send: Annotated[bool, typer.Option("--submit", help="Send the job.", show_default=False)] = False,
        schedule: Annotated[
            str | None, typer.Option(metavar="CRON", help='Start it at these times: "0 3 * * *". As schedule in the file.')
        ] = None,
        array: Annotated[
            int | None, typer.Option(min=1, max=10_000, help="Tasks; {index} in the command is the number of each, from 0.")
        ] = None,
        at_once: Annotated[int | None, typer.Option(min=1, help="Tasks that run at the same time.  [default: all]")] = None,
    ) -> None:
        # Late, because it brings pydantic, which --help must not wait for.
        from gan_core.jobs.spec import read_spec

        if to_print == to_send:
            raise UsageError("give one of --print, which writes the manifest, and --submit, which sends it")
        job = _job(program, context, _with_schedule(read_spec(spec), schedule), target, array, at_once)
        say(job.summary)
        if to_print:
            print_text(manifest(job, target))
        else:
            print_text(f"submitted: {job.name}; follow it by: {send(job, target)}")

    return submit


def _job(
    program: Program, context: typer.Context, spec: "JobSpec", target: Target, array: int | None, at_once: int | None
) -> Job:
    """The job of the command that follows `--`, checked. Raises UsageError."""
    mounts = tuple(spec.kubernetes.volumes) if target.on_kubernetes else ()

    def checked(arguments: Sequence[str]) -> Line:
        line = parse_line(program, context, arguments)
        check_places(program, line, mounts)
        program.check(line)
        return line

    # The first task stands for all of them.
    line = checked([one.replace(INDEX, "0") if array else one for one in context.args])
    doctor = program.doctor(line) if spec.doctor else ()
    tasks = program.split(line)
    if tasks is None:
        command, count = (program.name, *context.args), array
        if array is not None and not any(INDEX in argument for argument in context.args):
            raise UsageError(f"--array: {INDEX} stands nowhere in the command, so that all tasks would do the same")
    elif array is not None:
        raise UsageError(f"--array: {line.command} says itself how many tasks there are; leave it out")
    else:
        for arguments in tasks.arguments:
            checked(arguments)
        command, count = ("sh", "-c", tasks.script), len(tasks.arguments)
    if at_once is not None and count is None:
        raise UsageError("--at-once belongs to a sweep or to --array, the number of tasks")
    return Job(spec, program.name, command, Array(count, min(at_once or count, count)) if count else None, doctor)


def _with_schedule(spec: "JobSpec", schedule: str | None) -> "JobSpec":
    if schedule is None:
        return spec
    from gan_core.jobs.spec import check_spec

    return check_spec(spec.model_dump(exclude_unset=True) | {"schedule": schedule}, "--schedule")
