"""The gan-pipeline command: raw images into dataset folders. Heavy imports wait until a command needs them."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from gan_pipeline.command import JsonOption, print_json, run_command
from gan_pipeline.datasets import DATASETS, class_numbers, dataset_info
from gan_pipeline.errors import DataError, UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)

FolderArgument = Annotated[str, typer.Argument(help="A dataset folder, local or gs://.", show_default=False)]


@app.callback()
def _about() -> None:
    """Raw images into dataset folders that a trainer can rely on.

    Exit codes: 0 done or already done, 2 wrong command line, 3 wrong data, 5 storage refused.
    """


@app.command(context_settings={"allow_extra_args": True})
def prepare(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help=f"One of: {', '.join(DATASETS)}.", show_default=False)],
    out: Annotated[str, typer.Option("--out", "-o", help="Dataset folder to make, local or gs://.", show_default=False)],
    source: Annotated[
        str,
        typer.Option(
            help="A folder or gs:// prefix of idx files (.gz or not); tfds (downloads); sample (10,000 digits in the "
            "package); auto: $GANMILL_DATA/<dataset>, a system package, then tfds."
        ),
    ] = "auto",
    split: Annotated[str, typer.Option(help="Splits to keep: train, test, or both with a comma.")] = "train",
    classes: Annotated[str | None, typer.Option(help="Keep only these, by number or name: 8 or 3,8.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Keep at most this many per split, in plan order.")] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="Shards per split.  [default: by size, at least 8]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the order of the examples.")] = 0,
    encoding: Annotated[str, typer.Option(help="raw (fast) or png (small); both lossless.")] = "raw",
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    runner: Annotated[str | None, typer.Option(help="Another Beam runner; its options follow --.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan; write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a dataset folder: TFRecord shards, manifest, preview.

    \b
      gan-pipeline prepare mnist --source sample -o data/digits
      gan-pipeline prepare mnist --source sample --classes 8 -o data/eights
      gan-pipeline prepare fashion_mnist --source /usr/share/datasets/fashion-mnist --workers 2 -o data/fashion

    Killed and started again it continues, and ends with the same bytes. Finished, it does nothing.
    """
    from gan_pipeline.manifest import Options
    from gan_pipeline.records import Encoding

    info = dataset_info(dataset)
    if encoding not in list(Encoding):
        raise UsageError(f"--encoding {encoding!r} is unknown; choose raw or png")
    if context.args and not runner:
        raise UsageError(f"unexpected argument {context.args[0]!r}; only options for a --runner may follow")
    options = Options(
        dataset=dataset,
        source=source if "://" in source or source in ("auto", "sample", "tfds") else str(Path(source).resolve()),
        splits=_splits(split),
        classes=None if classes is None else class_numbers(_listed(classes), info.class_names),
        limit=limit,
        shards=shards,
        seed=seed,
        encoding=Encoding(encoding),
    )
    from gan_pipeline import prepare as job
    from gan_pipeline.beam_job import Execution

    if dry_run:
        _print_plan(job.make_plan(options), out, as_json)
        return
    outcome = job.prepare(out, options, Execution(workers, runner, tuple(context.args)))
    manifest = outcome.manifest
    if as_json:
        answer = {"folder": out, "already_done": outcome.already_done, "digest": manifest.digest}
        print_json(answer | {"counts": manifest.counts.model_dump()})
        return
    state = "already done" if outcome.already_done else "done"
    print(f"{state}: {manifest.counts.kept:,} examples of {manifest.name} in {out} (digest {manifest.digest[:12]})")
    print(f"look at {out.rstrip('/')}/preview.png, then: gan-train run mnist-gan --data {out} -o runs/first")


@app.command()
def verify(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Check every shard against the manifest: size, sha256, record checksums, counts, labels.

    \b
      gan-pipeline verify data/digits
    """
    from gan_pipeline.storage import open_folder
    from gan_pipeline.verify import verify as check

    manifest, faults = check(open_folder(folder))
    if as_json:
        print_json({"folder": folder, "digest": manifest.digest, "faults": faults})
    elif not faults:
        print(f"{folder}: whole, {manifest.counts.kept:,} examples, digest {manifest.digest}")
    if faults:
        raise DataError("\n       ".join(faults))


@app.command()
def inspect(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Show what a dataset folder holds: splits, class balance, options, digest.

    \b
      gan-pipeline inspect data/digits
    """
    from gan_pipeline.inspect import inspect as summarise
    from gan_pipeline.storage import open_folder

    summary = summarise(open_folder(folder))
    if as_json:
        print_json(summary)
        return
    shape = "x".join(map(str, summary["image"]["shape"]))
    print(f"{summary['name']} in {folder}: uint8 images {shape}, stored as {summary['image']['encoding']}")
    print(f"digest {summary['digest']}")
    for name, split in summary["splits"].items():
        print(f"\n{name}: {split['examples']:,} examples in {split['shards']} shards, {split['bytes'] / 2**20:.1f} MiB")
        for title, count in split["classes"].items():
            print(f"  {title:<12} {count:>8,}  {'#' * round(40 * count / max(split['classes'].values()))}")
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in summary["counts"]["dropped"].items()) or "none"
    print(f"\nread {summary['counts']['read']:,}, dropped: {dropped}")
    print("options: " + ", ".join(f"{key}={value}" for key, value in summary["options"].items() if value is not None))
    print(f"look at {summary['preview']}")


@app.command("list")
def list_datasets(as_json: JsonOption = False) -> None:
    """List the datasets that can be prepared.

    \b
      gan-pipeline list
    """
    if as_json:
        print_json({info.name: {"about": info.about, "shape": info.shape} for info in DATASETS.values()})
        return
    for info in DATASETS.values():
        print(f"{info.name:<14} {info.about}")
    print("\nprepare one with: gan-pipeline prepare NAME -o FOLDER   (mnist needs no download with --source sample)")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _splits(text: str) -> tuple[str, ...]:
    splits = tuple(dict.fromkeys(_listed(text)))
    if not splits or not set(splits) <= {"train", "test"}:
        raise UsageError(f"--split {text!r} is unknown; choose train, test, or train,test")
    return splits


def _print_plan(plan: Any, out: str, as_json: bool) -> None:
    shards = [{"file": task.file, "examples": len(task.ids)} for task in plan.tasks]
    if as_json:
        print_json(
            {"folder": out, "source": plan.source.kind, "uri": plan.source.uri, "counts": plan.counts.model_dump()}
            | {"options": plan.options.model_dump(mode="json"), "shards": shards}
        )
        return
    origin = plan.source.uri or plan.source.kind
    print(f"would write {plan.counts.kept:,} of {plan.counts.read:,} examples from {origin} to {out}:")
    for shard in shards:
        print(f"  {shard['file']}  {shard['examples']:,} examples")


def main() -> NoReturn:
    """Entry point of the gan-pipeline script."""
    run_command(app)
