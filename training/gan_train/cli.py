"""The gan-train command: dataset folders into run folders, and the tools of cli_tools.py. Heavy imports wait until needed."""

from typing import Annotated, Any, NoReturn

import typer

from gan_pipeline.command import JsonOption, print_json, run_command
from gan_train.cli_tools import tools

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)

SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override a recipe key: --set batch_size=128. Repeat for more.")
]


@app.callback()
def _about() -> None:
    """Train GANs on dataset folders made by gan-pipeline, and use what was trained.

    Exit codes: 0 done or already done, 2 wrong command line or recipe, 3 wrong data, 4 training diverged,
    5 storage refused, 75 interrupted after a checkpoint (run the same command again).
    """


@app.command()
def run(
    recipe: Annotated[str, typer.Argument(help="A name from 'gan-train recipes', or a .yaml file.", show_default=False)],
    data: Annotated[str, typer.Option("--data", help="Dataset folder, local or gs://.", show_default=False)],
    out: Annotated[str, typer.Option("--out", "-o", help="Run folder; continued if it holds this run.", show_default=False)],
    steps: Annotated[int | None, typer.Option(min=1, help="Train to this step.  [default: the recipe's]")] = None,
    overrides: SetOption = None,
    strategy: Annotated[str, typer.Option(help="auto, default (one device) or mirrored (all GPUs).")] = "auto",
    logical_cpus: Annotated[int, typer.Option(min=1, help="Split the CPU into devices, to try 'mirrored' on it.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, print the plan, train nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe on a dataset, or continue a run.

    \b
      gan-train run mnist-gan --data data/digits -o runs/first
      gan-train run mnist-dcgan --data data/digits -o runs/dcgan --steps 900 --set batch_size=64
      gan-train run mnist-gan --data data/digits -o runs/try --dry-run

    SIGTERM or Ctrl-C commits a checkpoint and exits 75; the same command continues, bit for bit.
    """
    from gan_train.recipe import load_recipe

    chosen = load_recipe(recipe, [*(overrides or []), *([f"steps={steps}"] if steps else [])])
    from gan_pipeline.quiet import import_tensorflow

    import_tensorflow()
    from gan_train import training_run

    if dry_run:
        _answer(training_run.plan(chosen, data, out, strategy, logical_cpus), as_json)
        return
    ended = training_run.train(chosen, data, out, strategy, logical_cpus)
    if as_json:
        print_json(ended)
        return
    if ended["already_done"]:
        print(f"already done: {out} is at step {ended['step']}; to go on: the same command with a larger --steps")
    else:
        print(f"done: step {ended['step']} in {out}")
    print(f"look at {ended['samples']}, losses.png and reals.png beside it; then: gan-train sample {out} -o more.png")


@app.command()
def recipes(as_json: JsonOption = False) -> None:
    """List the recipes.

    \b
      gan-train recipes
    """
    from gan_train.recipe import load_recipe, recipe_names

    about = {name: load_recipe(name).about for name in recipe_names()}
    if as_json:
        print_json(about)
        return
    for name, line in about.items():
        print(f"{name:<14} {line}")


@app.command()
def show(
    recipe: Annotated[str, typer.Argument(help="A name from 'gan-train recipes', or a .yaml file.", show_default=False)],
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a recipe with every value, as YAML that 'gan-train run' accepts.

    \b
      gan-train show mnist-gan
      gan-train show mnist-gan --set batch_size=128 > mine.yaml
    """
    from gan_train.recipe import dump_recipe, load_recipe

    chosen = load_recipe(recipe, overrides or [])
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


app.add_typer(tools)


def main() -> NoReturn:
    """Entry point of the gan-train script."""
    run_command(app)
