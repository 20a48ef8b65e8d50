"""The gan-train commands that say what a run is worth. Heavy imports wait until a command needs them."""

from dataclasses import asdict
from typing import Annotated

import typer

from gan_pipeline.command import JsonOption, print_json

worth = typer.Typer()


@worth.command()
def diagnose(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, local or gs://.", show_default=False)],
    write: Annotated[bool, typer.Option("--write", help="Write diagnosis.jsonl anew, of a run that does not train.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how a training went and what to try, from its log alone: every step judged anew, by today's rules.

    \b
      gan-train diagnose runs/first
      gan-train diagnose gs://bucket/runs/first --json

    Exit codes: 0 the newest verdict is no failure, 4 it is one, 3 no run here.
    """
    from gan_pipeline.errors import FailedRunError, UsageError
    from gan_pipeline.storage import open_folder
    from gan_train.diagnosis.history import judged_run, stretches
    from gan_train.diagnosis.verdict import write_verdicts
    from gan_train.reporting.watch import TRAINING, read_state

    run = open_folder(folder)
    verdicts = judged_run(run)
    if write:
        if read_state(run) == TRAINING:
            raise UsageError(
                f"{run.uri}: it trains, and its own process writes diagnosis.jsonl; wait for it, or leave out --write"
            )
        write_verdicts(run, verdicts)
    standing = verdicts[-1] if verdicts else None
    timeline = list(stretches(verdicts))
    if as_json:
        judged_alike = [{"kind": one.last.kind, "from": one.first.step, "to": one.last.step} for one in timeline]
        print_json({"run": run.uri, "standing": asdict(standing) if standing else None, "timeline": judged_alike})
    else:
        print(*timeline, sep="\n")
        print(f"now: {standing}" if standing else "not judged yet: too few steps are logged")
    if standing and standing.failing:
        raise typer.Exit(FailedRunError.exit_code)
