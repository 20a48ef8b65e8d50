"""The gan-train commands that use a trained run. Heavy imports wait until a command needs them."""

from typing import Annotated

import typer

from gan_core.command import JsonOption, print_json
from gan_core.errors import UsageError

tools = typer.Typer()

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
PictureOption = Annotated[str, typer.Option("--out", "-o", help="A .png file, local or gs://.", show_default=False)]
StepOption = Annotated[int | None, typer.Option(min=1, help="Which saved generator.  [default: the newest]")]
LatentsOption = Annotated[
    str | None, typer.Option("--latents", help="Saved latents: .npz (array 'latents') or .npy, of shape (n, latent size).")
]
ClassOption = Annotated[
    str | None, typer.Option("--class", help="Of a run with classes: number or name; several with commas, in turn.")
]
CodeOption = Annotated[str | None, typer.Option("--code", help="Of an InfoGAN run: number; several with commas, in turn.")]
DirectionOption = Annotated[str | None, typer.Option(help="Of CycleGAN: a-to-b or b-to-a.  [default: a-to-b]")]
OneClassOption = Annotated[str | None, typer.Option("--class", help="Of all images, in a run with classes: number or name.")]
OneCodeOption = Annotated[str | None, typer.Option("--code", help="Of all images, in an InfoGAN run: number.")]


@tools.command()
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
        int | None, typer.Option(min=0, help="Chooses the latents; the first do not depend on the count.  [default: 0]")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="One image for each seed: 3,7,10-15.")] = None,
    zero: Annotated[bool, typer.Option("--zero", help="The image of the all-zero latent vector.")] = False,
    latents: LatentsOption = None,
    truncation: Annotated[
        float | None, typer.Option(help="Redraw normal latents beyond this many standard deviations: 0.5 is tamer than 2.")
    ] = None,
    classes: ClassOption = None,
    codes: CodeOption = None,
    bank: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="This many images with their numbers, and their latents beside.")
    ] = None,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make images from a trained generator, or points.

    \b
      gan-train sample runs/first -o grid.png
      gan-train sample runs/first -o images/ --count 64 --seed 7
      gan-train sample runs/first -o three.png --seeds 3,7,11
      gan-train sample runs/first -o zero.png --zero
      gan-train sample runs/first -o tame.png --truncation 0.5
      gan-train sample runs/first -o bank.png --bank 100
      gan-train sample runs/first -o again.png --latents bank.npz
      gan-train sample runs/clothes -o classes.png
      gan-train sample runs/clothes -o shoes.png --class sneaker,9
      gan-train sample runs/info -o threes.png --code 3 --count 100
      gan-train sample runs/curve -o points.csv --count 5000

    A generator with classes or codes takes them in turn, a column of the grid for each, unless --class or --code says which.
    A bank keeps them with its latents, and --latents reads them back.
    """
    from gan_train.tools import sample as tool
    from gan_train.tools.choose import LatentOptions
    from gan_train.tools.conditions import ConditionOptions

    told = ConditionOptions(classes, codes)
    if bank is None:
        made = tool.sample(folder, out, LatentOptions(count, seed, seeds, zero, latents, truncation), told, step)
    elif count is not None or seeds is not None or zero or latents is not None:
        raise UsageError("--bank draws its latents anew; of the ways to choose them only --seed and --truncation go with it")
    else:
        made = tool.sample_bank(folder, out, LatentOptions(count=bank, seed=seed, truncation=truncation), told, step)
    kept = f", latents in {made['latents']}" if bank else ""
    kind = "points" if "points" in made else "images"
    _answer(made, f"{made[kind]} {kind} of step {made['step']} in {out}{kept}", as_json)


@tools.command(name="codes")
def grid_of_codes(
    folder: RunArgument,
    out: PictureOption,
    rows: Annotated[int, typer.Option(min=1, help="Each of another noise.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the noise.")] = 0,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what each code of an InfoGAN run means: a column for each, the same noise along a row.

    \b
      gan-train run mnist-infogan --data data/digits -o runs/info --short
      gan-train codes runs/info -o codes.png
      gan-train codes runs/info -o more.png --rows 20 --seed 7

    Of a run with classes it shows classes in the same way.
    """
    from gan_train.tools.codes import codes as make

    made = make(folder, out, rows, seed, step)
    _answer(made, f"{rows} rows of {made['values']} {made['columns']}, of step {made['step']} in {out}", as_json)


@tools.command()
def interpolate(
    folder: RunArgument,
    out: Annotated[
        str, typer.Option("--out", "-o", help=".png: a path in each row; .gif or .webp: an animation.", show_default=False)
    ],
    mode: Annotated[
        str | None, typer.Option(help="lerp (lines) or slerp (arcs).  [default: slerp; lerp for uniform latents]")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=2, max=1000, help="Images from point to point, with both.  [default: 10; animation 30]"),
    ] = None,
    paths: Annotated[int | None, typer.Option(min=1, max=1000, help="Between random latents.  [default: 10]")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Chooses the random latents.  [default: 0]")] = None,
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
    """Show what lies between latents.

    \b
      gan-train interpolate runs/first -o between.png
      gan-train interpolate runs/first -o straight.png --mode lerp --paths 5 --steps 15 --seed 7
      gan-train interpolate runs/first -o walk.gif --latents bank.npz --between 3,17,42
      gan-train interpolate runs/first -o two.webp --latents bank.npz --between 3,17 --between 5,9 --steps 60
      gan-train interpolate runs/clothes -o boots.png --class 9

    A path has one class or code. Paths take them in turn, unless --class or --code says which; those that a bank keeps
    do not matter here.
    """
    from gan_train.tools.conditions import ConditionOptions
    from gan_train.tools.interpolate import PathOptions
    from gan_train.tools.interpolate import interpolate as make

    made = make(
        folder,
        out,
        PathOptions(paths, seed, latents, tuple(between or ())),
        ConditionOptions(classes, codes),
        mode,
        steps,
        step,
    )
    _answer(
        made, f"{made['images']} images by {made['mode']}, paths: {made['paths']}, of step {made['step']} in {out}", as_json
    )


@tools.command()
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

    Choose the numbers by looking at the bank. They hold for that bank and for generators of that run. A generator with
    classes or codes needs --class or --code.
    """
    from gan_train.tools.arithmetic import arithmetic as make
    from gan_train.tools.conditions import ConditionOptions

    made = make(folder, out, latents, expression, ConditionOptions(classes, codes), step)
    _answer(made, f"members, means and result of step {made['step']} in {out}", as_json)


@tools.command()
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
    from gan_train.tools.manifold import manifold as make

    made = make(folder, out, side, ConditionOptions(classes, codes), step)
    about = f"{made['images']} images from {made['low']:.3g} to {made['high']:.3g}, right and up"
    _answer(made, f"{about}, of step {made['step']} in {out}", as_json)


@tools.command()
def translate(
    folder: RunArgument,
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE...", help="Files, folders or zips of images, local or gs://.", show_default=False),
    ],
    out: Annotated[
        str,
        typer.Option("--out", "-o", help="A .png file for a grid, or a folder for single images.", show_default=False),
    ],
    direction: DirectionOption = None,
    back: Annotated[bool, typer.Option("--back", help="Of CycleGAN: also translate the translations back.")] = False,
    size: Annotated[
        str,
        typer.Option(
            help="fit: stretch to the size of training and back; native: at the image's own size, mirrored at its edges."
        ),
    ] = "fit",
    inference: Annotated[
        str,
        typer.Option(
            help="training: normalise each image by its own statistics and keep dropout, as Pix2Pix is meant; averages: by "
            "the moving averages and without dropout. The same for CycleGAN, which has neither."
        ),
    ] = "training",
    seed: Annotated[int, typer.Option(min=0, help="Chooses what dropout drops, if it drops.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Images of one size at once; more may be faster on a GPU.")] = 1,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Translate images by a run of Pix2Pix or CycleGAN.

    \b
      gan-train translate runs/maps photo.jpg -o map.png
      gan-train translate runs/maps photos -o maps
      gan-train translate runs/maps photo.jpg gs://bucket/photos -o maps --size native
      gan-train translate runs/maps photos -o certain --inference averages
      gan-train translate runs/horses zebras -o horses --direction b-to-a
      gan-train translate runs/horses horse.jpg -o there-and-back.png --back

    Images may have any size, and translations have the same. A grid has a row for each image; single files are named as
    the images and stay in their subfolders, the ways back with -back before the .png. An image that cannot be used is
    named and skipped.
    """
    from gan_train.tools.translate import TranslationOptions
    from gan_train.tools.translate import translate as make

    made = make(folder, images, out, TranslationOptions(direction, back, size, inference, seed, batch), step)
    skipped = f"; {len(made['skipped'])} could not be used and were skipped" if made["skipped"] else ""
    _answer(made, f"{made['images']} images translated {made['direction']} by step {made['step']} in {out}{skipped}", as_json)


@tools.command()
def export(
    folder: RunArgument,
    out: Annotated[str, typer.Option("--out", "-o", help="A .keras file, or a folder for the SavedModel.", show_default=False)],
    form: Annotated[
        str | None, typer.Option("--format", help="keras or savedmodel.  [default: by the ending of the output]")
    ] = None,
    direction: DirectionOption = None,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a generator that Keras or TensorFlow Serving loads without this package.

    \b
      gan-train export runs/first -o generator.keras --format keras
      gan-train export runs/first -o served --format savedmodel
      gan-train export runs/first -o served --format savedmodel --step 234
      gan-train export runs/horses -o zebra_to_horse.keras --direction b-to-a

    A SavedModel goes into a subfolder named as its step, so that TensorFlow Serving, given the folder, serves the newest.
    Its signatures take latents, float32 (n, latent size), and classes, int32 (n,), if the generator is told them, and give
    images: 'serving_default' as float32 in the recipe's range, 'uint8' as pixels; or points, 'serving_default' alone. Those
    of a translator take images of the same kind as they give. A .json beside it says the same, with recipe, step and dataset.
    """
    from gan_train.tools.export import export as make

    made = make(folder, out, form, direction, step)
    _answer(made, f"generator of step {made['step']} in {made['out']}; about it: {made['card']}", as_json)


@tools.command()
def classify(
    folder: RunArgument,
    data: Annotated[str, typer.Option(help="A dataset folder with the classes the run learned.", show_default=False)],
    split: Annotated[
        str | None, typer.Option(help="held-out, test or train.  [default: held-out; test where there is none]")
    ] = None,
    step: Annotated[int | None, typer.Option(min=1, help="Which saved classifier.  [default: the newest]")] = None,
    labels_alone: Annotated[
        bool, typer.Option("--labels-alone", help="Also train the same classifier on the labelled examples alone.")
    ] = False,
    labels_alone_steps: Annotated[
        int | None, typer.Option(min=1, help="For this many steps.  [default: as many as in the run, at most 1000]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how often the classifier of a run is right.

    \b
      gan-pipeline prepare mnist --source sample --hold-out 1000 -o data/digits
      gan-train run mnist-sgan --data data/digits -o runs/sgan --short
      gan-train classify runs/sgan --data data/digits
      gan-train classify runs/sgan --data data/digits --labels-alone
      gan-train run digit-classifier --data data/digits -o runs/digit-classifier
      gan-train classify runs/digit-classifier --data data/digits
    """
    from gan_train.tools.classify import classify as judge

    found = judge(folder, data, split, step, labels_alone, labels_alone_steps)
    _answer(found.report(), found.text(), as_json)


def _answer(made: dict[str, object], words: str, as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        print(words)
