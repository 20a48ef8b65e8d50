"""The options of the gan-pipeline command. The work is done by the public API; heavy imports wait until it is called."""

from typing import Annotated, NoReturn

import typer

from gan_core.command import (
    ForecastOption,
    JsonOption,
    LogFormat,
    LogFormatOption,
    MetricsFileOption,
    MetricsPortOption,
    PriceOption,
    choose_log_format,
    print_json,
    print_text,
    run_command,
)
from gan_core.errors import DataError, UsageError
from gan_core.jobs.submit import JOBS, add_submit
from gan_core.program import VERSION_OPTION, choices, make_program
from gan_pipeline import api
from gan_pipeline.api import PrepareOptions
from gan_pipeline.cli.doctor import examining
from gan_pipeline.cli.jobs import PROGRAM
from gan_pipeline.cli.output import print_datasets, print_forecast, print_page, print_plan, print_prepared, print_summary
from gan_pipeline.dataset.catalogue import DATASETS, MAX_FAILURE_RATE, dataset_info
from gan_pipeline.dataset.options import MOST_SHARDS

datasets = typer.Typer()

FolderArgument = Annotated[str, typer.Argument(help="A dataset folder, local or gs://.", show_default=False)]


@datasets.command(context_settings={"allow_extra_args": True})
def prepare(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help=f"One of: {', '.join(DATASETS)}.", show_default=False)],
    out: Annotated[
        str,
        typer.Option("--out", "-o", help="Dataset folder to make, local or gs://; {content} in it names the source's content."),
    ],
    source: Annotated[
        str,
        typer.Option(
            help="A folder, an archive as it is downloaded, or a gs:// prefix or object; tfds (downloads); sample (10,000 "
            "digits in the package); auto: $GANMILL_DATA/<dataset>, a system package, then tfds."
        ),
    ] = "auto",
    split: Annotated[str | None, typer.Option(help="Splits to keep, with commas.  [default: train]")] = None,
    splits: Annotated[
        str | None,
        typer.Option(help="images, pairs: none if folders such as train are no splits, but classes.", show_default=False),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Keep only these, by number or name: 8 or 3,8. They are numbered anew, from 0.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="images: folders, none, or a file of labels, here or inside the source: a table of file and label (.csv, "
            ".tsv, .txt), metadata.jsonl, dataset.json.  [default: dataset.json if there is one, else folders]"
        ),
    ] = None,
    label_attribute: Annotated[
        str | None, typer.Option(help="celeba: the attribute that is the label; images: the column or key that holds it.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Keep at most this many per split, in plan order.")] = None,
    limit_per_class: Annotated[
        int | None, typer.Option(min=1, help="Keep at most this many of each class per split, in plan order.")
    ] = None,
    hold_out: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Keep this many of split train out of it, in a split of their own: held-out. They are set aside first; "
            "--limit bounds what is left.",
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_SHARDS, help="Shards per split.  [default: 128 MB each, at least 8]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the order of the examples.")] = 0,
    encoding: Annotated[str, typer.Option(**choices("raw", "png"), help="raw (fast) or png (small); both lossless.")] = "raw",
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE|WIDTHxHEIGHT",
            help="Pixels: 64 is a square, 64x48 is 64 wide and 48 high.  [default: celeba 80, images 64, pairs, unpaired 256]",
        ),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(metavar="1|3", help="images, pairs, unpaired: 1 for grey, 3 for colour.  [default: 3]")
    ] = None,
    min_size: Annotated[int | None, typer.Option(help="Drop images whose shorter side has fewer pixels.")] = None,
    dedupe: Annotated[
        str | None,
        typer.Option(
            **choices("exact", "near"),
            help="Drop images equal to an earlier one: exact, to the stored pixel; near, also scaled, recompressed or lighter.",
        ),
    ] = None,
    bit_depth: Annotated[
        str | None,
        typer.Option(
            metavar="BITS|LOW-HIGH|auto",
            help="Images of 16 bits: how many of them are used (12), the range that becomes 0 to 255 (0-4095), or auto for "
            "the range met.  [default: the high 8 bits]",
        ),
    ] = None,
    scaled_jpeg: Annotated[
        bool | None,
        typer.Option(
            "--scaled-jpeg",
            help="images, unpaired: decode large JPEGs at a reduced size: faster, and not the same pixels.",
            show_default=False,
        ),
    ] = None,
    resize: Annotated[
        str | None, typer.Option(**choices("crop", "fit", "stretch"), help="images, unpaired.  [default: crop]")
    ] = None,
    resampler: Annotated[
        str | None,
        typer.Option(
            **choices("nearest", "bilinear", "bicubic", "lanczos", "box"), help="As Pillow has them.  [default: see list]"
        ),
    ] = None,
    faces: Annotated[str | None, typer.Option(**choices("mtcnn", "center", "none"), help="celeba.  [default: mtcnn]")] = None,
    box: Annotated[
        str | None, typer.Option(**choices("exact", "square"), help="celeba: exact is stretched.  [default: exact]")
    ] = None,
    margin: Annotated[float | None, typer.Option(help="celeba, --box square: added around, as a share of the side.")] = None,
    swap: Annotated[
        bool | None, typer.Option("--swap", help="pairs: the right half is the source.", show_default=False)
    ] = None,
    any_ratio: Annotated[
        bool | None,
        typer.Option("--any-ratio", help="pairs: cut images that are not about twice as wide as high too.", show_default=False),
    ] = None,
    domains: Annotated[
        str | None,
        typer.Option(
            help="pairs, unpaired: names of two folders, such as photo,label, or for unpaired CelebA's attributes: "
            "Blond_Hair,Black_Hair, or one for with and without it.  [default: A,B]"
        ),
    ] = None,
    function: Annotated[
        str | None, typer.Option(**choices("parabola", "sine", "gaussian"), help="curve.  [default: parabola]")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(help="emnist: balanced, bymerge, byclass, letters, digits or mnist. cifar100: fine or coarse."),
    ] = None,
    allow_short_tables: Annotated[
        bool | None,
        typer.Option(
            "--allow-short-tables",
            help="celeba: accept a list with more or fewer rows than its first line promises.",
            show_default=False,
        ),
    ] = None,
    zip_encoding: Annotated[
        str | None,
        typer.Option(help="Code page of a .zip's names that are not UTF-8, such as cp437, cp932, gbk.", show_default=False),
    ] = None,
    max_failure_rate: Annotated[
        float, typer.Option(min=0, max=1, help="Stop if a larger share of the inputs is unusable.")
    ] = MAX_FAILURE_RATE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Of a finished folder, try again what storage or decoding refused.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="What is understood in a way that is seldom meant is an error.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=api.MOST_WORKERS, help="Processes on this machine.")] = 1,
    runner: Annotated[str | None, typer.Option(help="Another Beam runner; its options follow --.")] = None,
    metrics_port: MetricsPortOption = None,
    metrics_file: MetricsFileOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan; write nothing.")] = False,
    forecast: ForecastOption = False,
    price_per_hour: PriceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a dataset folder: TFRecord shards, manifest, preview.

    \b
      gan-pipeline prepare mnist --source sample -o data/digits
      gan-pipeline prepare mnist --source sample --hold-out 1000 -o data/measured
      gan-pipeline prepare cifar10 --source cifar-10-python.tar.gz -o data/cifar
      gan-pipeline prepare celeba --source img_align_celeba.zip --limit 50000 --workers 2 -o data/faces
      gan-pipeline prepare images --source photos --image-size 128 --resize crop -o data/photos
      gan-pipeline prepare pairs --source maps.zip --swap -o data/map2photo
      gan-pipeline prepare unpaired --source horse2zebra.zip -o data/horses

    What was understood of the source is told first: splits, classes, image sizes, what is left out. Add --dry-run to see it
    alone, and --strict to stop at what is seldom meant.

    Killed and started again it continues, and ends with the same bytes. Finished, it does nothing but see that the
    source is unchanged. Inputs that cannot be used are dropped, counted, and listed in failures.jsonl.
    """
    if context.args and not runner:
        raise UsageError(f"unexpected argument {context.args[0]!r}; only options for a --runner may follow")
    own = {
        "image_size": image_size,
        "resize": resize,
        "resampler": resampler,
        "faces": faces,
        "box": box,
        "margin": margin,
        "swap": swap,
        "labels": labels,
        "label_attribute": label_attribute,
        "split_folders": splits,
        "any_ratio": any_ratio,
        "domains": domains,
        "function": function,
        "channels": channels,
        "min_size": min_size,
        "dedupe": dedupe,
        "bit_depth": bit_depth,
        "scaled_jpeg": scaled_jpeg,
        "variant": variant,
        "allow_short_tables": allow_short_tables,
        "zip_encoding": zip_encoding,
    }
    general = {
        "limit": limit,
        "limit_per_class": limit_per_class,
        "hold_out": hold_out,
        "shards": shards,
        "seed": seed,
        "encoding": encoding,
    }
    # A misspelt name is refused before the imports below.
    dataset_info(dataset)
    if price_per_hour is not None and not forecast:
        raise UsageError("--price-per-hour belongs to --forecast, which tells the cost")
    if forecast and (dry_run or runner):
        raise UsageError("--forecast measures processes of this machine; leave out --dry-run and --runner")
    if forecast:
        from gan_pipeline.preparing.forecast import forecast as measured
        from gan_pipeline.preparing.planning import make_plan
        from gan_pipeline.preparing.request import options_of

        plan = make_plan(options_of(dataset, source, split, classes, general, own), out)
        print_forecast(measured(plan, workers, price_per_hour), as_json)
        return
    if dry_run:
        from gan_pipeline.preparing.announce import check_strictly
        from gan_pipeline.preparing.content_name import named_by_content
        from gan_pipeline.preparing.planning import make_plan
        from gan_pipeline.preparing.request import options_of

        options = options_of(dataset, source, split, classes, general, own)
        out = named_by_content(out, options)
        plan = make_plan(options, out)
        print_plan(plan, out, as_json)
        if strict:
            check_strictly(plan.understood, plan.options.source)
        return
    if runner is None:
        from gan_pipeline.preparing.lean_beam import import_lean_beam

        import_lean_beam()
    prepared = api.prepare(
        dataset,
        out,
        source=source,
        split=split,
        classes=classes,
        max_failure_rate=max_failure_rate,
        retry_failed=retry_failed,
        strict=strict,
        workers=workers,
        runner=runner,
        runner_options=context.args,
        metrics_port=metrics_port,
        metrics_file=metrics_file,
        progress=True,
        **PrepareOptions(**(general | own)),  # type: ignore[typeddict-item]
    )
    print_prepared(prepared, as_json)


@datasets.command()
def verify(
    folder: FolderArgument,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every image too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every shard against the manifest: size, sha256, record checksums, counts, numbers.

    \b
      gan-pipeline verify data/digits
      gan-pipeline verify data/digits --deep
    """
    dataset = api.open_dataset(folder)
    faults = dataset.verify(deep)
    if as_json:
        print_json({"folder": folder, "digest": dataset.manifest.digest, "faults": faults})
    elif not faults:
        print_text(f"{folder}: whole, {dataset.manifest.counts.kept:,} examples, digest {dataset.manifest.digest}")
    if faults:
        raise DataError("\n       ".join(faults))


@datasets.command()
def inspect(
    folder: FolderArgument,
    html: Annotated[
        bool, typer.Option("--html", help="Measure every image, and write one HTML page about the dataset.", show_default=False)
    ] = False,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", help="The page, local or gs://.  [default: NAME-inspect.html here]", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a dataset folder holds: splits, class balance, options, digest.

    \b
      gan-pipeline inspect data/digits
      gan-pipeline inspect data/digits --html
      gan-pipeline inspect gs://bucket/faces --html -o faces.html

    The page has samples, class balance, brightness, sizes, duplicates, faces and dropped inputs, in one file that needs
    no other. Without -o it is written here, named after the folder: a dataset folder stays as it was prepared.
    """
    if html:
        print_page(api.open_dataset(folder).write_page(out, progress=True), as_json)
        return
    if out is not None:
        raise UsageError("-o names the page that --html writes; add --html, or leave -o out")
    summary = api.open_dataset(folder).summary
    if as_json:
        print_json(summary)
        return
    print_summary(summary, folder)


@datasets.command("list")
def list_datasets(as_json: JsonOption = False) -> None:
    """List the datasets that can be prepared.

    \b
      gan-pipeline list
    """
    print_datasets(as_json)


add_submit(examining, PROGRAM)
app = make_program({"Datasets": datasets, JOBS: examining})


@app.callback()
def _about(version: Annotated[bool, VERSION_OPTION] = False, log_format: LogFormatOption = LogFormat.TEXT) -> None:
    """Raw images into dataset folders that a trainer can rely on.

    Exit codes: 0 done or already done, 1 doctor found a fault, 2 wrong command line, 3 wrong data, 5 storage refused,
    6 a job's doctor found a fault, 75 a worker was lost.
    """
    choose_log_format(log_format, PROGRAM.name)


def main() -> NoReturn:
    """Entry point of the gan-pipeline script."""
    run_command(app)
