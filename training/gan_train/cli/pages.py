"""gan-train report, compare and metrics. Heavy imports wait until a command needs them."""

from typing import Annotated

import typer

from gan_core.command import JsonOption
from gan_train.cli.options import RunArgument, answer
from gan_train.runs.layout import REPORT

pages = typer.Typer()


@pages.command()
def report(
    folder: RunArgument,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help=f"An .html file, local or gs://.  [default: {REPORT} in RUN]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run on one page: verdict, scores, curves, samples by step, dataset, recipe, time.

    \b
      gan-train report runs/first
      gan-train report runs/first -o first.html

    The trainer writes the same page at every snapshot and at the end; this command writes it again, with newer scores. It
    adds pictures by the newest generator, which it stores in RUN/pictures. The page is one file and loads nothing else.
    """
    from gan_train.pages.write import write_report

    page = write_report(folder, out)
    size, grids = f"{page['bytes'] / 2**20:.1f} MB", f"{page['grids']} sample grids of {page['run']}"
    answer(page, f"{page['out']}: {size}, {page['state']}, {grids}", as_json)


@pages.command()
def compare(
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN ...|FOLDER", help="Run folders, or a folder of them, local or gs://.", show_default=False
        ),
    ],
    out: Annotated[str, typer.Option("--out", "-o", help="An .html file, local or gs://.")] = "compare.html",
    as_json: JsonOption = False,
) -> None:
    """Rank runs by the scores they share, and show them side by side on one page.

    \b
      gan-train compare runs/first runs/second
      gan-train compare runs/first runs/second runs/third -o three.html
      gan-train compare sweeps/rates

    Runs that differ in nothing but their seeds are one variant, shown by mean and standard deviation. Variants have different
    places only where their means differ by more than the deviation of either.

    Runs are ranked only if they were measured alike: the same extractor, resizer, dataset, split and numbers of images.
    Otherwise it says what differs, writes nothing and ends with 2. Runs without scores are shown, not ranked.
    """
    from gan_train.pages.compare import compare as write_comparison
    from gan_train.pages.ranking import lines

    document, ranked = write_comparison(folders, out)
    answer(document, "\n".join([*lines(ranked), f"side by side: {out}"]), as_json)


@pages.command()
def metrics(
    folder: RunArgument,
    table: Annotated[str, typer.Option("--csv", help="A file, local or gs://, or - for the terminal.")] = "-",
    as_json: JsonOption = False,
) -> None:
    """Write the log of a run as CSV: a row for each logged step, a column for each metric.

    \b
      gan-train metrics runs/first --csv metrics.csv
      gan-train metrics runs/first --csv - | head

    An empty field is a number that its step does not have.
    """
    from gan_train.tools.metrics_table import STDOUT, metrics_table

    document, text = metrics_table(folder, table)
    if table == STDOUT and not as_json:
        print(text, end="")
    else:
        answer(document, f"{document['rows']} rows of {len(document['columns'])} metrics in {table}", as_json)
