"""gan-train sweep and repeat. Heavy imports wait until a command needs them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from gan_core.command import JsonOption
from gan_core.errors import UsageError
from gan_train.cli.options import RunArgument, ShortOption, answer
from gan_train.cli.training import training

if TYPE_CHECKING:
    from gan_train.sweeps.planning import PlannedRun

sweeps = typer.Typer()

_LINES, _ARRAY = "lines", "array"
_FORMS = (_LINES, _ARRAY)
_JobsOption = Annotated[int, typer.Option("--jobs", min=1, max=64, help="Runs at a time; each takes the memory of one.")]
_PrintOption = Annotated[
    str | None,
    typer.Option(
        "--print",
        metavar="[array]",
        help="Train nothing; print a command for each run, or with 'array' one line that takes the index of an array job.",
        show_default=False,
    ),
]
_DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check everything, print the table of runs, train nothing.")]
_DECIDED = ("data", "out", "resume", "overrides", "steps", "short", "dry_run", "as_json")
_EXTRA = {"allow_extra_args": True}


class _PrintingCommand(TyperCommand):
    """A command whose option --print may stand without a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        complete = []
        for place, part in enumerate(args):
            complete.append(part)
            if part == "--print" and args[place + 1 : place + 2] not in ([form] for form in _FORMS):
                complete.append(_LINES)
        return super().parse_args(ctx, complete)


@sweeps.command(cls=_PrintingCommand, context_settings=_EXTRA)
def sweep(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="SWEEP.yaml", help="What to vary; see below.", show_default=False)],
    out: Annotated[str, typer.Option("--out", "-o", help="Folder of the run folders, local or gs://.", show_default=False)],
    jobs: _JobsOption = 1,
    form: _PrintOption = None,
    short: ShortOption = False,
    dry_run: _DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe many times: with each value of a grid, each variant and each seed.

    \b
      gan-train sweep rates.yaml -o sweeps/rates
      gan-train sweep rates.yaml -o sweeps/rates --jobs 2
      gan-train sweep rates.yaml -o sweeps/rates --dry-run
      gan-train sweep rates.yaml -o sweeps/rates -- --on-failure stop --keep last=1
      gan-train sweep rates.yaml -o sweeps/rates --print
      gan-train sweep rates.yaml -o sweeps/rates --print array

    \b
    A file has these keys; recipe and data are needed:
      recipe: mnist-dcgan
      data: data/digits
      set: {steps: 900}
      grid: {generator.optimizer.learning_rate: [0.0001, 0.0002]}
      variants: [{name: small, batch_size: 32}, {name: large, batch_size: 128}]
      seeds: 3

    Each run is a run folder below -o and a process of its own. The same command goes on where it was, and trains runs that
    were added to the file; a file that changes a run that has begun is refused. What follows -- goes to every gan-train run.

    Exit codes: 0 all runs finished; that of the failed runs, or 4 if they differ; 75 SIGTERM, 130 Ctrl-C.
    """
    from gan_train.sweeps.document import read_sweep
    from gan_train.sweeps.planning import plan_sweep

    options = run_options(context.args)
    _finish(plan_sweep(read_sweep(file), out, short, options), out, jobs, form, dry_run, as_json)


@sweeps.command(cls=_PrintingCommand, context_settings=_EXTRA)
def repeat(
    context: typer.Context,
    folder: RunArgument,
    seeds: Annotated[str, typer.Option("--seeds", help="Other seeds: 1-4, or 1,5,7.", show_default=False)],
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Folder of the run folders.  [default: the one that RUN is in]")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="The dataset, if it was moved.  [default: that of the run]", show_default=False)
    ] = None,
    jobs: _JobsOption = 1,
    form: _PrintOption = None,
    dry_run: _DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a run again with other seeds, by its own record.

    \b
      gan-train repeat runs/first --seeds 1-4
      gan-train repeat runs/first --seeds 1,5,7 -o repeats --jobs 2
      gan-train repeat runs/first --seeds 1-4 --print

    The runs are RUN-seed-1, RUN-seed-2 and so on. The same command goes on where it was. What follows -- goes to every
    gan-train run, such as -- --on-failure stop. 'gan-train compare' shows mean and deviation.

    Exit codes: 0 all runs finished; that of the failed runs, or 4 if they differ; 75 SIGTERM, 130 Ctrl-C.
    """
    from gan_train.sweeps.repetition import parse_seeds, plan_repetition

    options = run_options(context.args)
    planned, place = plan_repetition(folder, parse_seeds(seeds), out, data, options)
    _finish(planned, place, jobs, form, dry_run, as_json)


def _finish(planned: Sequence["PlannedRun"], out: str, jobs: int, form: str | None, dry_run: bool, as_json: bool) -> None:
    """Print the plan, or train it and exit with the code of its runs."""
    from gan_train.sweeps.printing import array_line, command_lines
    from gan_train.sweeps.sweep import survey, train_runs

    if form is not None and form not in _FORMS:
        raise UsageError(f"--print {form}: write --print, or --print {_ARRAY}")
    if form == _ARRAY:
        answer({"runs": len(planned), "line": array_line(planned)}, array_line(planned), as_json)
        return
    if form == _LINES:
        lines = command_lines(planned)
        answer({"commands": lines}, "\n".join(lines), as_json)
        return
    if dry_run:
        surveyed = survey(planned, out)
        answer(surveyed.document(), "\n".join(surveyed.lines()), as_json)
        return
    swept = train_runs(planned, out, jobs)
    answer(swept.document(), "\n".join([*swept.lines(), f"side by side: gan-train compare {out}"]), as_json)
    raise typer.Exit(swept.exit_code)


def run_options(arguments: Sequence[str]) -> tuple[str, ...]:
    """Options for every gan-train run, checked. Raises UsageError if one is what the sweep itself decides."""
    if arguments and not arguments[0].startswith("-"):
        raise UsageError(f"{arguments[0]}: unexpected here; after -- stand options of every 'gan-train run'")
    command = get_command(training).commands["run"]  # type: ignore[attr-defined]
    params = command.make_context("gan-train run", ["RECIPE", "--data", "DATA", "-o", "OUT", *arguments]).params
    plain = command.make_context("gan-train run", ["RECIPE", "--data", "DATA", "-o", "OUT"]).params
    decided = [name for name in _DECIDED if params[name] != plain[name]]
    if decided:
        raise UsageError(f"{' '.join(arguments)}: not after --; the sweep decides {decided[0]} of each run")
    return tuple(arguments)
