"""gan-train sample, codes, interpolate, arithmetic and manifold. Heavy imports wait until a command needs them."""

from typing import Annotated

import typer

from gan_core.command import JsonOption
from gan_core.errors import UsageError
from gan_core.program import choices
from gan_train.cli.options import (
    ClassOption,
    CodeOption,
    ForceOption,
    LatentsOption,
    OneClassOption,
    OneCodeOption,
    PictureOption,
    RunArgument,
    StepOption,
    answer,
)

sampling = typer.Typer()


@sampling.command()
def sample(
    folder: RunArgument,
    out: Annotated[
        str,
        typer.Option("--out", "-o", help="A .png file for a grid, or a folder for single images; of points .png or .csv."),
    ],
    count: Annotated[
        int | None,
        typer.Option(
            "--count", "-n", min=1, max=10_000, help="How many.  [default: 25 images, 10 of each class or code, 1000 points]"
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the latents; the first do not depend on the count.  [default: 0]")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="One image for each seed: 3,7,10-15.")] = None,
    zero: Annotated[bool, typer.Option("--zero", help="The image of the all-zero latent vector.")] = False,
    latents: LatentsOption = None,
    truncation: Annotated[
        float | None, typer.Option(help="Redraw normal latents beyond this many standard deviations: 0.5 is tamer than 2.")
    ] = None,
    truncation_psi: Annotated[
        float | None,
        typer.Option(help="Redraw normal latents beyond 2 standard deviations, then multiply them by this factor up to 1."),
    ] = None,
    classes: ClassOption = None,
    codes: CodeOption = None,
    bank: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="This many images with their numbers, and their latents beside.")
    ] = None,
    step: StepOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make images from a trained generator, or points.

    \b
      gan-train sample runs/first -o grid.png
      gan-train sample runs/first -o images/ --count 64 --seed 7
      gan-train sample runs/first -o three.png --seeds 3,7,11
      gan-train sample runs/first -o zero.png --zero
      gan-train sample runs/first -o tame.png --truncation 0.5
      gan-train sample runs/first -o tamer.png --truncation-psi 0.5
      gan-train sample runs/first -o bank.png --bank 100
      gan-train sample runs/first -o again.png --latents bank.npz
      gan-train sample runs/clothes -o classes.png
      gan-train sample runs/clothes -o shoes.png --class sneaker,9
      gan-train sample runs/info -o threes.png --code 3 --count 100
      gan-train sample runs/curve -o points.csv --count 5000

    A generator with classes or codes takes them in turn, a column of the grid for each, unless --class or --code says which.
    A bank stores them with its latents, and --latents reads them back. A folder that already holds other files gets single
    images only with --force.
    """
    from gan_train.tools import sample as tool
    from gan_train.tools.conditions import ConditionOptions
    from gan_train.tools.latent_options import LatentOptions

    conditions = ConditionOptions(classes, codes)
    if bank is None:
        chosen = LatentOptions(count, seed, seeds, zero, latents, truncation, truncation_psi)
        done = tool.sample(folder, out, chosen, conditions, step, force)
    elif count is not None or seeds is not None or zero or latents is not None:
        raise UsageError("--bank draws its own latents; only --seed, --truncation and --truncation-psi go with it")
    else:
        chosen = LatentOptions(count=bank, seed=seed, truncation=truncation, psi=truncation_psi)
        done = tool.sample_bank(folder, out, chosen, conditions, step)
    bank_file = f", latents in {done['latents']}" if bank else ""
    kind = "points" if "points" in done else "images"
    answer(done, f"{done[kind]} {kind} of step {done['step']} in {out}{bank_file}", as_json)


@sampling.command(name="codes")
def grid_of_codes(
    folder: RunArgument,
    out: PictureOption,
    rows: Annotated[int, typer.Option(min=1, help="Rows of the grid, each with a noise of its own.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise.")] = 0,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what each code of an InfoGAN run means: a column for each, the same noise along a row.

    \b
      gan-train run mnist-infogan --data data/digits -o runs/info --short
      gan-train codes runs/info -o codes.png
      gan-train codes runs/info -o more.png --rows 20 --seed 7

    For a run with classes it shows the classes in the same way.
    """
    from gan_train.tools.codes import codes

    done = codes(folder, out, rows, seed, step)
    answer(done, f"{rows} rows of {done['values']} {done['columns']}, of step {done['step']} in {out}", as_json)


@sampling.command()
def interpolate(
    folder: RunArgument,
    out: Annotated[
        str, typer.Option("--out", "-o", help=".png: a path in each row; .gif or .webp: an animation.", show_default=False)
    ],
    mode: Annotated[
        str | None,
        typer.Option(**choices("lerp", "slerp"), help="Along lines or arcs.  [default: slerp; lerp for uniform latents]"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=2, max=1000, help="Images from point to point, with both.  [default: 10; animation 30]"),
    ] = None,
    paths: Annotated[int | None, typer.Option(min=1, max=1000, help="Between random latents.  [default: 10]")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the random latents.  [default: 0]")] = None,
    latents: LatentsOption = None,
    between: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBERS", help="A path through saved latents, by number from 1: 3,17. Repeat for more paths."),
    ] = None,
    classes: ClassOption = None,
    codes: CodeOption = None,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Interpolate between latents: each image changes step by step into the next.

    \b
      gan-train interpolate runs/first -o between.png
      gan-train interpolate runs/first -o straight.png --mode lerp --paths 5 --steps 15 --seed 7
      gan-train interpolate runs/first -o walk.gif --latents bank.npz --between 3,17,42
      gan-train interpolate runs/first -o two.webp --latents bank.npz --between 3,17 --between 5,9 --steps 60
      gan-train interpolate runs/clothes -o boots.png --class 9

    A path has one class or code. Paths take them in turn, unless --class or --code says which; the classes or codes that
    a bank holds are ignored.
    """
    from gan_train.tools.conditions import ConditionOptions
    from gan_train.tools.interpolate import PathOptions
    from gan_train.tools.interpolate import interpolate as write_paths

    points = PathOptions(paths, seed, latents, tuple(between or ()))
    done = write_paths(folder, out, points, ConditionOptions(classes, codes), mode, steps, step)
    about = f"{done['images']} images by {done['mode']}, paths: {done['paths']}"
    answer(done, f"{about}, of step {done['step']} in {out}", as_json)


@sampling.command()
def arithmetic(
    folder: RunArgument,
    expression: Annotated[
        str,
        typer.Argument(
            metavar="EXPRESSION", help="Numbers of saved latents, from 1; commas average, + and - between.", show_default=False
        ),
    ],
    latents: Annotated[str, typer.Option(help="Saved latents, as 'gan-train sample --bank' writes them.", show_default=False)],
    out: PictureOption,
    classes: OneClassOption = None,
    codes: OneCodeOption = None,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Calculate with averaged latents: smiling woman - woman + man.

    \b
      gan-train sample runs/first -o bank.png --bank 100
      gan-train arithmetic runs/first "92,98,99 - 9,21,79 + 10,30,45" --latents bank.npz -o smiling.png

    Choose the numbers from the picture of the bank. They are valid for that bank and the generators of that run. A
    generator with classes or codes needs --class or --code.
    """
    from gan_train.tools.arithmetic import arithmetic as write_arithmetic
    from gan_train.tools.conditions import ConditionOptions

    done = write_arithmetic(folder, out, latents, expression, ConditionOptions(classes, codes), step)
    answer(done, f"members, means and result of step {done['step']} in {out}", as_json)


@sampling.command()
def manifold(
    folder: RunArgument,
    out: PictureOption,
    side: Annotated[int, typer.Option(min=2, max=100, help="Images along each axis.")] = 20,
    classes: OneClassOption = None,
    codes: OneCodeOption = None,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the whole latent plane of a run with latent_size=2.

    \b
      gan-train run mnist-dcgan --data data/digits -o runs/plane --set latent_size=2
      gan-train manifold runs/plane -o plane.png
      gan-train manifold runs/plane -o fine.png --side 40

    A generator with classes or codes needs --class or --code.
    """
    from gan_train.tools.conditions import ConditionOptions
    from gan_train.tools.manifold import manifold as write_manifold

    done = write_manifold(folder, out, side, ConditionOptions(classes, codes), step)
    about = f"{done['images']} images from {done['low']:.3g} to {done['high']:.3g}, right and up"
    answer(done, f"{about}, of step {done['step']} in {out}", as_json)
