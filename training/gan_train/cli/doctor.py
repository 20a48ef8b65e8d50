"""gan-train doctor. Heavy imports wait until a command needs them."""

from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from gan_core.command import JsonOption
from gan_train.cli.options import SetOption, ShortOption

if TYPE_CHECKING:
    from gan_train.recipe.base import Recipe

examining = typer.Typer()


@examining.command()
def doctor(
    data: Annotated[
        str | None, typer.Option("--data", help="Dataset folder to read, local or gs://.", show_default=False)
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="Run folder to write, local or gs://; nothing stays in it.", show_default=False),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", help="Try a step of it, with --data: a name, a .yaml file, or a run folder.", show_default=False
        ),
    ] = None,
    overrides: SetOption = None,
    short: ShortOption = False,
    strategy: Annotated[str, typer.Option(help="The devices of the steps, as for 'gan-train run'.")] = "auto",
    cluster_timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for the other workers of TF_CONFIG.")
    ] = 30,
    in_job: Annotated[
        bool,
        typer.Option("--in-job", help="Exit 6 instead of 1, after which no job is retried; 5 if all that failed may pass."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look whether this machine and its rights will do, before work is spent on it.

    \b
      gan-train doctor
      gan-train doctor --data data/digits -o runs/first --recipe mnist-gan
      gan-train doctor --data gs://bucket/digits -o gs://bucket/runs/first --recipe mnist-gan --json

    Versions, memory, disks, clock, the rights on each folder one by one, one shard, the devices and what precision: auto takes
    on them, a step of the recipe, and the other workers of TF_CONFIG. It takes less than a minute.

    Exit codes: 0 nothing failed, 1 something failed; see --in-job.
    """
    from gan_core.doctor.diagnosis import SECONDS, diagnose
    from gan_train.doctor.checks import Plan, checks

    @cache
    def load() -> "Recipe":
        from gan_train.runs.run_folder import find_recipe

        assert recipe is not None
        return find_recipe(recipe, overrides or (), short)

    plan = Plan(data, out, load if recipe is not None else None, strategy, cluster_timeout)
    # The workers wait for each other, and then once more for their all-reduce.
    limit = SECONDS + (3 * cluster_timeout if plan.has_workers else 0)
    diagnose("gan-train", checks(plan), limit, in_job, as_json)
