"""gan-train run and watch. Heavy imports wait until a command needs them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.command import ForecastOption, JsonOption, MetricsFileOption, MetricsPortOption, PriceOption
from gan_core.errors import DataError, StorageError, UsageError
from gan_core.program import choices
from gan_train.cli.options import RunArgument, SetOption, ShortOption, answer
from gan_train.runs.layout import LOSSES, REALS

if TYPE_CHECKING:
    from gan_train.api import Run
    from gan_train.loop.request import Request
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
    recipe: Annotated[
        str | None,
        typer.Argument(help="A name from 'gan-train recipes', a .yaml file, or a run folder.", show_default=False),
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="Dataset folder, local or gs://.", show_default=False)] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="Run folder, local or gs://; continued if it holds this run.", show_default=False),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Continue this run folder: recipe, data, last step and options are those of its newest session. Leave out "
            "RECIPE and -o; --data only if the dataset was moved.",
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train to this step.  [default: the recipe's]")] = None,
    overrides: SetOption = None,
    strategy: Annotated[
        str | None,
        typer.Option(**choices("auto", "default", "mirrored", "multiworker", "tpu"), help=f"{_STRATEGY_HELP}  [default: auto]"),
    ] = None,
    logical_cpus: Annotated[
        int | None, typer.Option(min=1, max=64, help="Split the CPU into devices, to try 'mirrored' on it.  [default: 1]")
    ] = None,
    jit: Annotated[str | None, typer.Option(**choices("auto", "on", "off"), help=f"{_JIT_HELP}  [default: auto]")] = None,
    on_divergence: Annotated[
        str | None,
        typer.Option(
            **choices("stop", "rollback", "warn"),
            help="When a number is not finite; rollback takes other random numbers.  [default: stop]",
        ),
    ] = None,
    on_failure: Annotated[
        str | None,
        typer.Option(
            **choices("warn", "stop", "rollback"),
            help="When training fails for long, as by mode collapse; rollback goes back to before it.  [default: warn]",
        ),
    ] = None,
    max_rollbacks: Annotated[int | None, typer.Option(min=1, help="In the whole life of the run.  [default: 3]")] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="Checkpoints that stay: last=3,every=1000,best=d.loss:min; parts may be left out.  [default: last=3]"
        ),
    ] = None,
    on_corrupt: Annotated[
        str | None,
        typer.Option(
            **choices("fail", "skip-shard"), help="When a shard is damaged; skip-shard goes on without it.  [default: fail]"
        ),
    ] = None,
    stop_when: Annotated[
        str | None,
        typer.Option(
            help="End by itself: fid:no-better:5 (scores of a running 'evaluate --watch') or METRIC:min|max:no-better:N. "
            "Looked at after each snapshot.  [default: never]"
        ),
    ] = None,
    init_from: Annotated[
        str | None,
        typer.Option(
            metavar="RUN[@STEP]",
            help="Begin a new run with the weights of another one's newest checkpoint, or that of a step, by name and shape.",
        ),
    ] = None,
    init_players: Annotated[
        str | None, typer.Option(help="With --init-from: only these players, as generator,discriminator.  [default: all]")
    ] = None,
    init_optimizers: Annotated[
        bool, typer.Option("--init-optimizers", help="With --init-from: take the state of their optimizers, too.")
    ] = False,
    freeze: Annotated[
        list[str] | None,
        typer.Option(metavar="PLAYER.LAYER", help="No update for this layer, or for discriminator.down_1..3. Repeat for more."),
    ] = None,
    cluster_timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for the other workers of TF_CONFIG.")
    ] = 300,
    step_timeout: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Longest time without a step, with snapshots and checkpoints; then all stacks are shown, and the exit code is "
            "124. 0: never.",
        ),
    ] = 3600,
    metrics_port: MetricsPortOption = None,
    metrics_file: MetricsFileOption = None,
    track: Annotated[
        str | None,
        typer.Option(
            help="Also log to mlflow, wandb or mlflow,wandb, as their environment variables say; or none.  [default: none]"
        ),
    ] = None,
    evaluate_every: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="FID at one of so many snapshots, where a packaged classifier knows the data; 0: never.  [default: 1]",
        ),
    ] = None,
    short: ShortOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, print the plan, train nothing.")] = False,
    forecast: ForecastOption = False,
    price_per_hour: PriceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe on a dataset, or continue a run.

    \b
      gan-train run mnist-gan --data data/digits -o runs/first
      gan-train run mnist-dcgan --data data/digits -o runs/dcgan --steps 900 --set batch_size=64
      gan-train run mnist-gan --data data/digits -o runs/quick --short
      gan-train run mnist-gan --data data/digits -o runs/try --dry-run
      gan-train run mnist-gan --data data/digits -o runs/try --forecast --price-per-hour 0.4
      gan-train run --resume runs/first
      gan-train run mnist-dcgan --data data/eights -o runs/eights --init-from runs/dcgan --freeze discriminator.down_1..2

    SIGTERM or Ctrl-C commits a checkpoint and exits 75; the same command continues, bit for bit, and so does --resume. While
    continuing, --set may change log_every, snapshot_every, checkpoint_every and steps_per_call, which change no result.
    """
    from gan_train.api import run_request
    from gan_train.loop.request import ResumeOptions, TrainingOptions, read_request, read_resumption

    continuing: ResumeOptions = {
        "overrides": overrides or (),
        "steps": steps,
        "strategy": strategy,
        "logical_cpus": logical_cpus,
        "jit": jit,
        "on_divergence": on_divergence,
        "on_failure": on_failure,
        "max_rollbacks": max_rollbacks,
        "keep": keep,
        "on_corrupt": on_corrupt,
        "stop_when": stop_when,
        "cluster_timeout": cluster_timeout,
        "step_timeout": step_timeout,
        "metrics_port": metrics_port,
        "metrics_file": metrics_file,
        "track": track,
        "evaluate_every": evaluate_every,
    }
    if resume is not None:
        if recipe is not None or out is not None:
            raise UsageError("--resume takes recipe and folder from the run; leave out RECIPE and -o")
        for name, given in (("short", short), ("init-from", init_from), ("freeze", freeze)):
            if given:
                raise UsageError(f"--{name} chooses how a run begins; leave it out with --resume")
        request = read_resumption(resume, data, **continuing)
    elif recipe is None or data is None or out is None:
        raise UsageError(
            "name a recipe, a dataset and a run folder: gan-train run RECIPE --data FOLDER -o RUN; "
            "or continue a run: gan-train run --resume RUN"
        )
    else:
        beginning: TrainingOptions = {
            **continuing,
            "short": short,
            "init_from": init_from,
            "init_players": init_players.split(",") if init_players else (),
            "init_optimizers": init_optimizers,
            "freeze": freeze or (),
        }
        request = read_request(recipe, data, out, **beginning)
    if price_per_hour is not None and not forecast:
        raise UsageError("--price-per-hour belongs to --forecast, which tells the cost")
    if dry_run or forecast:
        _look_ahead(request, dry_run, forecast, price_per_hour, as_json)
        return
    finished = run_request(request, progress=True)
    trained = finished.trained
    assert trained is not None
    document = {name: value for name, value in asdict(trained).items() if value is not None}
    answer(document, _summary(trained, request.out, finished), as_json)


def _look_ahead(request: "Request", dry_run: bool, forecast: bool, price_per_hour: float | None, as_json: bool) -> None:
    """Print the plan of --dry-run, the forecast, or both in one document."""
    from gan_train.loop.preflight import refuse_early

    refuse_early(request)
    from gan_core.quiet import import_tensorflow

    import_tensorflow()
    from gan_train.loop.forecast import forecast as measured
    from gan_train.loop.forecast import told
    from gan_train.loop.plan import plan

    document = (plan(request) if dry_run else {}) | (told(measured(request, price_per_hour)) if forecast else {})
    lines = [f"{key.replace('_', ' ')}: {value}" for key, value in document.items()]
    if document["from_step"] >= document["to_step"]:
        lines.append(f"already done: {request.out} is at step {document['from_step']}; to go on: a larger --steps")
    answer(document, "\n".join(lines), as_json)


def _summary(trained: "Trained", out: str, run: "Run") -> str:
    """The lines for people: the step that was reached, the newest samples, and the command to run next.

    The folder of a worker other than the chief holds no run: its recipe must not be asked for.
    """
    if trained.written_by:
        return f"done: step {trained.step}, written by {trained.written_by}, the chief"
    if trained.already_done and trained.reason:
        done = f"already done: {out} is at step {trained.step}: {trained.reason}; to go on: --stop-when never"
    elif trained.already_done:
        done = f"already done: {out} is at step {trained.step}; to go on: the same command with a larger --steps"
    else:
        done = f"done: step {trained.step} in {out}" + (f": {trained.reason}" if trained.reason else "")
    purpose = run.recipe.purpose
    command = f"gan-train {purpose.command} {out} {purpose.arguments}"
    return f"{done}\n{_quality_line(out)}\nlook at {trained.samples}, {LOSSES} and {REALS} beside it; then: {command}"


def _quality_line(out: str) -> str:
    """The line on quality. Scores that somebody damaged cost a finished training nothing."""
    from gan_core.storage import open_folder
    from gan_train.scoring.quality import read_quality

    try:
        return str(read_quality(open_folder(out)))
    except (DataError, StorageError) as error:
        return f"quality: not known; {error}"


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
