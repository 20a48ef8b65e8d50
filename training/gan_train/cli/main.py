"""The gan-train command: dataset folders into run folders, and what can be done with those. Each group has a file here."""

from typing import Annotated, NoReturn

from gan_core.command import LogFormat, LogFormatOption, choose_log_format, run_command
from gan_core.jobs.submit import JOBS, add_submit
from gan_core.program import VERSION_OPTION, make_program
from gan_train.cli.doctor import examining
from gan_train.cli.jobs import PROGRAM
from gan_train.cli.models import models
from gan_train.cli.pages import pages
from gan_train.cli.recipes import recipe_commands
from gan_train.cli.sampling import sampling
from gan_train.cli.scoring import scoring
from gan_train.cli.sweeps import sweeps
from gan_train.cli.training import training

add_submit(examining, PROGRAM)
app = make_program(
    {
        "Training": training,
        "Many trainings": sweeps,
        "Recipes": recipe_commands,
        "Scores": scoring,
        "Pages and tables": pages,
        "Images of a run": sampling,
        "Networks of a run": models,
        JOBS: examining,
    }
)


@app.callback()
def _about(version: Annotated[bool, VERSION_OPTION] = False, log_format: LogFormatOption = LogFormat.TEXT) -> None:
    """Train GANs on dataset folders made by gan-pipeline, and use what was trained.

    Exit codes: 0 done or already done, 1 doctor found a fault, 2 wrong command line or recipe, 3 wrong data, 4 training
    diverged or failed, 5 storage refused, 6 a job's doctor found a fault, 75 interrupted by a signal or by the loss of a
    worker, 124 no step for --step-timeout seconds (run the same command again).
    """
    choose_log_format(log_format, PROGRAM.name)


def main() -> NoReturn:
    """Entry point of the gan-train script."""
    run_command(app)
