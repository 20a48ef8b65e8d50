"""gan-train report: writes the page of a run into its folder or elsewhere."""

from typing import Any

from gan_core.errors import UsageError
from gan_core.storage import open_folder, write_file
from gan_train.logs.watch import read_standing
from gan_train.pages.contents import PictureBook, read_contents
from gan_train.pages.generated import generate_pictures
from gan_train.pages.report import report_page
from gan_train.runs.layout import REPORT


def write_report(folder: str, out: str | None) -> dict[str, Any]:
    """Generate missing pictures of the newest generator, and write the page of a run.

    Args:
        folder: run folder, local or gs://.
        out: path or gs:// URI that ends in .html; None is report.html in the run folder.

    Raises:
        UsageError: `out` does not end in .html.
        DataError: there is no run, or one of its files is damaged.
        StorageError: a file cannot be read or written.
    """
    check_page_name(out)
    run = open_folder(folder)
    generate_pictures(run)
    contents = read_contents(run, PictureBook(run))
    page = report_page(contents)
    if out is None:
        run.write(REPORT, page)
    else:
        write_file(out, page)
    scored, verdict = contents.rankable, contents.verdict
    return {
        "run": run.uri,
        "out": run.locate(REPORT) if out is None else out,
        "bytes": len(page),
        "state": contents.standing.state,
        "step": contents.standing.step,
        "seed": contents.record.recipe.seed,
        "verdict": verdict.kind if verdict else None,
        "quality": contents.quality.level,
        "scores": dict(scored[-1].values) if scored else {},
        "grids": len(contents.grids),
    }


def refresh_report(folder: str) -> None:
    """Write the page of a run again if the run has ended; a training run does so itself. Raises as `write_report`."""
    if read_standing(open_folder(folder)).ended:
        write_report(folder, None)


def check_page_name(out: str | None) -> None:
    """Raise UsageError if a file name does not end in .html or .htm."""
    if out is not None and not out.endswith((".html", ".htm")):
        raise UsageError(f"-o {out}: write a name ending in .html")
