"""The gan-train command: dataset folders into run folders. What a run is worth is in cli_worth.py, tools in cli_tools.py.

Heavy imports wait until needed.
"""

from dataclasses import asdict
from typing import Annotated, Any, NoReturn

import typer

from gan_core.command import JsonOption, print_json, run_command
from gan_train.cli.scoring import worth
from gan_train.cli.tools import tools
from gan_train.runs.layout import LOSSES, REALS

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)

SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override a recipe key: --set batch_size=128. Repeat for more.")
]

ShortOption = Annotated[bool, typer.Option("--short", help="A training of minutes, by the recipe's own short overrides.")]

_STRATEGY_HELP = (
    "default (one device), mirrored (all GPUs of this machine), multiworker (all workers of TF_CONFIG), tpu, or auto: "
    "multiworker where TF_CONFIG names several workers, else mirrored on several GPUs, else default."
)


@app.callback()
def _about() -> None:
    """Train GANs on dataset folders made by gan-pipeline, and use what was trained.

    Exit codes: 0 done or already done, 2 wrong command line or recipe, 3 wrong data, 4 training diverged or failed,
    5 storage refused, 75 interrupted by a signal or by the loss of a worker (run the same command again).
    """


@app.command()
def run(
    recipe: Annotated[str, typer.Argument(help="A name from 'gan-train recipes', or a .yaml file.", show_default=False)],
    data: Annotated[str, typer.Option("--data", help="Dataset folder, local or gs://.", show_default=False)],
    out: Annotated[
        str, typer.Option("--out", "-o", help="Run folder, local or gs://; continued if it holds this run.", show_default=False)
    ],
    steps: Annotated[int | None, typer.Option(min=1, help="Train to this step.  [default: the recipe's]")] = None,
    overrides: SetOption = None,
    strategy: Annotated[str, typer.Option(help=_STRATEGY_HELP)] = "auto",
    logical_cpus: Annotated[int, typer.Option(min=1, help="Split the CPU into devices, to try 'mirrored' on it.")] = 1,
    on_divergence: Annotated[
        str, typer.Option(help="When a number is not finite: stop, rollback (other random numbers) or warn.")
    ] = "stop",
    on_failure: Annotated[
        str, typer.Option(help="When training fails for long, as by mode collapse: warn, stop, or rollback to before it.")
    ] = "warn",
    max_rollbacks: Annotated[int, typer.Option(min=1, help="In the whole life of the run.")] = 3,
    keep: Annotated[
        str, typer.Option(help="Checkpoints that stay: last=3,every=1000,best=d.loss:min; parts may be left out.")
    ] = "last=3",
    on_corrupt: Annotated[
        str, typer.Option(help="When a shard is damaged: fail, or skip-shard and go on without it.")
    ] = "fail",
    cluster_timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for the other workers of TF_CONFIG.")
    ] = 300,
    short: ShortOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, print the plan, train nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe on a dataset, or continue a run.

    \b
      gan-train run mnist-gan --data data/digits -o runs/first
      gan-train run mnist-dcgan --data data/digits -o runs/dcgan --steps 900 --set batch_size=64
      gan-train run mnist-gan --data data/digits -o runs/quick --short
      gan-train run mnist-gan --data data/digits -o runs/try --dry-run

    SIGTERM or Ctrl-C commits a checkpoint and exits 75; the same command continues, bit for bit.
    """
    from gan_train.api import train
    from gan_train.loop.request import TrainingOptions, read_request

    options: TrainingOptions = {
        "overrides": overrides or (),
        "steps": steps,
        "short": short,
        "strategy": strategy,
        "logical_cpus": logical_cpus,
        "on_divergence": on_divergence,
        "on_failure": on_failure,
        "max_rollbacks": max_rollbacks,
        "keep": keep,
        "on_corrupt": on_corrupt,
        "cluster_timeout": cluster_timeout,
    }
    if dry_run:
        request = read_request(recipe, data, out, options)
        from gan_core.quiet import import_tensorflow

        import_tensorflow()
        from gan_train.loop.plan import plan

        _answer(plan(request), as_json)
        return
    finished = train(recipe, data, out, **options, progress=True)
    trained = finished.trained
    assert trained is not None
    if as_json:
        print_json({name: value for name, value in asdict(trained).items() if value is not None})
        return
    if trained.written_by:
        print(f"done: step {trained.step}, written by {trained.written_by}, the chief")
        return
    if trained.already_done:
        print(f"already done: {out} is at step {trained.step}; to go on: the same command with a larger --steps")
    else:
        print(f"done: step {trained.step} in {out}")
    purpose = finished.recipe.purpose
    next_command = f"gan-train {purpose.command} {out} {purpose.arguments}"
    print(f"look at {trained.samples}, {LOSSES} and {REALS} beside it; then: {next_command}")


@app.command()
def watch(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, local or gs://.", show_default=False)],
    once: Annotated[bool, typer.Option("--once", help="Show where it stands now, and end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show where a run stands until it ends, from its folder alone. Writes nothing.

    \b
      gan-train watch runs/first
      gan-train watch runs/first --once
      gan-train watch gs://bucket/runs/first --once --json

    Exit codes: 0 the run finished, or --once and it trains; 4 it diverged or failed; 75 it was interrupted, or its process is
    gone: run it again; 3 no run here. With --json, one document when the run has ended, or now with --once.
    """
    from gan_train.logs.watch_view import watch_run

    raise typer.Exit(watch_run(folder, once, as_json).exit_code)


@app.command()
def recipes(as_json: JsonOption = False) -> None:
    """List the recipes of this package and of installed plug-ins.

    \b
      gan-train recipes
      gan-train recipes --json
    """
    from dataclasses import asdict

    from gan_core.notices import warn
    from gan_train.recipe.document import list_recipes
    from gan_train.recipe.installed import OWN

    listed, faults = list_recipes()
    for fault in faults:
        warn(fault)
    if as_json:
        print_json({name: asdict(recipe) for name, recipe in listed.items()})
        return
    longest = max(len(name) for name in listed)
    for name, recipe in listed.items():
        print(f"{name:<{longest}} {recipe.about}{'' if recipe.origin == OWN else f' (from {recipe.origin})'}")


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="A name from 'gan-train recipes', or a .yaml file.", show_default=False)],
    overrides: SetOption = None,
    short: ShortOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print a recipe with every value, as YAML that 'gan-train run' accepts.

    \b
      gan-train show mnist-gan
      gan-train show mnist-gan --set batch_size=128 > mine.yaml
    """
    from gan_train.recipe.document import dump_recipe, load_recipe

    chosen = load_recipe(recipe, overrides or [], short)
    if as_json:
        print_json(chosen.model_dump(mode="json"))
    else:
        print(dump_recipe(chosen), end="")


def _answer(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    for key, value in document.items():
        print(f"{key.replace('_', ' ')}: {value}")


app.add_typer(worth)
app.add_typer(tools)
app.add_typer(worth)


def main() -> NoReturn:
    """Entry point of the gan-train script."""
    run_command(app)
