"""The gan-train commands that say what a run is worth. Heavy imports wait until a command needs them."""

from typing import Annotated

import typer

from gan_pipeline.command import JsonOption, print_json

worth = typer.Typer()


@worth.command()
def report(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, local or gs://.", show_default=False)],
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="An .html file, local or gs://.  [default: report.html in RUN]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run on one page: verdict, scores, curves, samples by step, dataset, recipe, time.

    \b
      gan-train report runs/first
      gan-train report runs/first -o first.html

    The trainer writes the same page at every snapshot and at the end; this makes it anew, with what was scored since. It
    adds pictures of the newest generator, which it keeps in RUN/pictures. The page is one file and asks for nothing.
    """
    from gan_train.report.write import write_report

    made = write_report(folder, out)
    if as_json:
        print_json(made)
        return
    print(f"{made['out']}: {made['bytes'] / 2**20:.1f} MB, {made['state']}, {made['grids']} sample grids of {made['run']}")


@worth.command()
def compare(
    folders: Annotated[
        list[str], typer.Argument(metavar="RUN RUN ...", help="Run folders, local or gs://.", show_default=False)
    ],
    out: Annotated[str, typer.Option("--out", "-o", help="An .html file, local or gs://.")] = "compare.html",
    as_json: JsonOption = False,
) -> None:
    """Rank runs by the scores they share, and show them side by side on one page.

    \b
      gan-train compare runs/first runs/second
      gan-train compare runs/first runs/second runs/third -o three.html

    Only what was measured alike is ranked: the same extractor, resizer, dataset, split and numbers of images. Otherwise it
    says what differs, writes nothing and ends with 2. Runs without scores are shown, not ranked.
    """
    from gan_train.report.compare import compare as make
    from gan_train.report.ranking import lines

    document, ranked = make(folders, out)
    if as_json:
        print_json(document)
        return
    print(*lines(ranked), sep="\n")
    print(f"side by side: {out}")
