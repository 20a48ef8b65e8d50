"""gan-train run and watch. Heavy imports wait until a command needs them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.command import JsonOption
from gan_train.cli.options import RecipeArgument, RunArgument, SetOption, ShortOption, answer
from gan_train.runs.layout import LOSSES, REALS

if TYPE_CHECKING:
    from gan_train.api import Run
    from gan_train.loop.run import Trained

training = typer.Typer()

_STRATEGY_HELP = (
    "default (one device), mirrored (all GPUs of this machine), multiworker (all workers of TF_CONFIG), tpu, or auto: "
    "multiworker where TF_CONFIG names several workers, else mirrored on several GPUs, else default."
)
_JIT_HELP = (
    "on, off or auto: whether XLA compiles the forward and backward pass of each phase, which changes results by rounding. "
    "auto is on on GPUs and off elsewhere."
)


@training.command()
def run(
    recipe: RecipeArgument,
    data: Annotated[str, typer.Option("--data", help="Dataset folder, local or gs://.", show_default=False)],
    out: Annotated[
        str, typer.Option("--out", "-o", help="Run folder, local or gs://; continued if it holds this run.", show_default=False)
    ],
    steps: Annotated[int | None, typer.Option(min=1, help="Train to this step.  [default: the recipe's]")] = None,
    overrides: SetOption = None,
    strategy: Annotated[str, typer.Option(help=_STRATEGY_HELP)] = "auto",
    logical_cpus: Annotated[int, typer.Option(min=1, max=64, help="Split the CPU into devices, to try 'mirrored' on it.")] = 1,
    jit: Annotated[str, typer.Option(help=_JIT_HELP)] = "auto",
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
    track: Annotated[
        str, typer.Option(help="Also log to mlflow, wandb or mlflow,wandb, as their environment variables say; or none.")
    ] = "none",
    evaluate_every: Annotated[
        int,
        typer.Option(min=0, help="FID at one of so many snapshots, where a packaged classifier knows the data; 0: never."),
    ] = 1,
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
        "jit": jit,
        "on_divergence": on_divergence,
        "on_failure": on_failure,
        "max_rollbacks": max_rollbacks,
        "keep": keep,
        "on_corrupt": on_corrupt,
        "cluster_timeout": cluster_timeout,
        "track": track,
        "evaluate_every": evaluate_every,
    }
    if dry_run:
        request = read_request(recipe, data, out, **options)
        from gan_core.quiet import import_tensorflow

        import_tensorflow()
        from gan_train.loop.plan import plan

        document = plan(request)
        answer(document, "\n".join(f"{key.replace('_', ' ')}: {value}" for key, value in document.items()), as_json)
        return
    finished = train(recipe, data, out, progress=True, **options)
    trained = finished.trained
    assert trained is not None
    document = {name: value for name, value in asdict(trained).items() if value is not None}
    answer(document, _summary(trained, out, finished), as_json)


def _summary(trained: "Trained", out: str, run: "Run") -> str:
    """The lines for people: the step that was reached, the newest samples, and the command to run next.

    The folder of a worker other than the chief holds no run: its recipe must not be asked for.
    """
    if trained.written_by:
        return f"done: step {trained.step}, written by {trained.written_by}, the chief"
    if trained.already_done:
        done = f"already done: {out} is at step {trained.step}; to go on: the same command with a larger --steps"
    else:
        done = f"done: step {trained.step} in {out}"
    purpose = run.recipe.purpose
    command = f"gan-train {purpose.command} {out} {purpose.arguments}"
    from gan_core.storage import open_folder
    from gan_train.scoring.quality import read_quality

    done = f"{done}\n{read_quality(open_folder(out))}"
    return f"{done}\nlook at {trained.samples}, {LOSSES} and {REALS} beside it; then: {command}"


@training.command()
def watch(
    folder: RunArgument,
    once: Annotated[bool, typer.Option("--once", help="Show the state of the run now, and end.")] = False,
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
    from gan_train.scoring.quality import read_quality

    raise typer.Exit(watch_run(folder, once, as_json, lambda run: read_quality(run).words).exit_code)
