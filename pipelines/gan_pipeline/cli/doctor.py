"""gan-pipeline doctor. Heavy imports wait until the command is called."""

from typing import Annotated

import typer

from gan_core.command import JsonOption
from gan_pipeline.cli.jobs import PROGRAM

examining = typer.Typer()


@examining.command()
def doctor(
    source: Annotated[
        str | None, typer.Option(help="A file or folder to read, local or gs://; as for 'prepare'.", show_default=False)
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="Dataset folder to write, local or gs://; nothing stays in it.", show_default=False),
    ] = None,
    in_job: Annotated[
        bool,
        typer.Option("--in-job", help="Exit 6 instead of 1, after which no job is retried; 5 if all that failed may pass."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look whether this machine and its rights will do, before work is spent on it.

    \b
      gan-pipeline doctor
      gan-pipeline doctor --source photos -o data/photos
      gan-pipeline doctor --source gs://bucket/photos -o gs://bucket/data --json

    Versions, memory, disks, clock, the rights on each folder one by one, and a small preparation. It takes less than a minute.

    Exit codes: 0 nothing failed, 1 something failed; see --in-job.
    """
    from gan_core.doctor.diagnosis import SECONDS, diagnose
    from gan_pipeline.doctor.checks import checks

    place = None if source in PROGRAM.words else source
    diagnose("gan-pipeline", checks(place, out), SECONDS, in_job, as_json)
