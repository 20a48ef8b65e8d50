"""gan-train translate, export and classify. Heavy imports wait until a command needs them."""

from typing import Annotated

import typer

from gan_core.command import JsonOption
from gan_core.program import choices
from gan_train.cli.options import DirectionOption, ForceOption, RunArgument, StepOption, answer

models = typer.Typer()


@models.command()
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
    back: Annotated[bool, typer.Option("--back", help="For CycleGAN: also translate the translations back.")] = False,
    size: Annotated[
        str,
        typer.Option(
            **choices("fit", "native"),
            help="fit: stretch to the size used in training and back; native: keep each size, mirrored at its edges.",
        ),
    ] = "fit",
    inference: Annotated[
        str,
        typer.Option(
            **choices("training", "averages"),
            help="training: normalise each image by its own statistics and keep dropout, as Pix2Pix is meant; averages: by "
            "the moving averages and without dropout. The same for CycleGAN, which has neither.",
        ),
    ] = "training",
    seed: Annotated[int, typer.Option(min=0, help="Seed of dropout, where it is kept.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Images of one size per batch; more may be faster on a GPU.")] = 1,
    step: StepOption = None,
    force: ForceOption = False,
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

    Images may have any size, and translations have the same. A grid has a row for each image. Single files take the names
    and subfolders of the images; a translation back has -back before the .png. An image that cannot be used is named and
    skipped. A folder that already holds other files gets single files only with --force.
    """
    from gan_train.tools.translate import TranslationOptions
    from gan_train.tools.translate import translate as write_translations

    options = TranslationOptions(direction, back, size, inference, seed, batch)
    done = write_translations(folder, images, out, options, step, force)
    skipped = f"; {len(done['skipped'])} could not be used and were skipped" if done["skipped"] else ""
    answer(done, f"{done['images']} images translated {done['direction']} by step {done['step']} in {out}{skipped}", as_json)


@models.command()
def export(
    folder: RunArgument,
    out: Annotated[
        str,
        typer.Option("--out", "-o", help="A .keras, .onnx or .tflite file, or a folder for a SavedModel.", show_default=False),
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format", **choices("keras", "savedmodel", "onnx", "tflite"), help="[default: by the ending of the output]"
        ),
    ] = None,
    direction: DirectionOption = None,
    inference: Annotated[
        str | None,
        typer.Option(
            **choices("training", "averages"), help="Of a translator; see 'gan-train translate'.  [default: training]"
        ),
    ] = None,
    step: StepOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a generator that other programs load without this package, with a model card beside it.

    \b
      gan-train export runs/first -o exported/generator.keras
      gan-train export runs/first -o served --format savedmodel
      gan-train export runs/first -o exported/generator.onnx --step 234
      gan-train export runs/first -o exported/generator.tflite
      gan-train export runs/horses -o zebra_to_horse.keras --direction b-to-a
      gan-train export runs/maps -o maps.onnx --inference averages

    A SavedModel goes into a subfolder named as its step, so that TensorFlow Serving, given the folder, serves the newest.
    Its signatures take latents, float32 (n, latent size), and classes, int32 (n,), if the generator has them, and return
    images: 'serving_default' as float32 in the recipe's range, 'uint8' as pixels; or points, 'serving_default' alone. Those
    of a translator take images of the kind that they return. The other formats have the inputs and the output of
    'serving_default'. ONNX and TFLite need an extra, ganmill[onnx] or ganmill[tflite]; they are run once and compared with
    the network before they are written, and drop nothing. MODEL_CARD.md and model_card.json beside the file say where the
    network comes from, how good it is and how to use it.
    """
    from gan_train.exporting.export import ExportOptions
    from gan_train.exporting.export import export as write_export

    done = write_export(folder, out, ExportOptions(form, direction, inference, step))
    answer(done, f"generator of step {done['step']} in {done['out']}; about it: {done['card']}", as_json)


@models.command()
def classify(
    folder: RunArgument,
    data: Annotated[str, typer.Option(help="A dataset folder with the classes that the run learned.", show_default=False)],
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
    """Measure how often the classifier of a run is right.

    \b
      gan-pipeline prepare mnist --source sample --hold-out 1000 -o data/digits
      gan-train run mnist-sgan --data data/digits -o runs/sgan --short
      gan-train classify runs/sgan --data data/digits
      gan-train classify runs/sgan --data data/digits --labels-alone
      gan-train run digit-classifier --data data/digits -o runs/digit-classifier
      gan-train classify runs/digit-classifier --data data/digits
    """
    from gan_train.tools.classify import classify as classify_examples

    result = classify_examples(folder, data, split, step, labels_alone, labels_alone_steps)
    answer(result.report(), result.text(), as_json)
