"""gan-train metrics: the log of a run as a table, CSV with a column for each metric."""

import csv
import io
from typing import Any

from gan_core.errors import DataError
from gan_core.storage import open_folder, write_file
from gan_train.logs.metrics_log import read_metrics
from gan_train.runs.run_folder import read_record

STDOUT = "-"


def metrics_table(folder: str, out: str) -> tuple[dict[str, Any], str]:
    """The log of a run as CSV, written to a file unless `out` is "-".

    Columns stand in the order in which their metrics first appear; a step that lacks one has an empty field. Numbers have all
    digits, so that reading them gives the same bits.

    Args:
        folder: run folder.
        out: path or gs:// URI of a file, or "-".

    Returns:
        A document of what was done, and the table.

    Raises:
        DataError: there is no run, nothing is logged yet, or the log is damaged.
        StorageError: `out` cannot be written.
    """
    run = open_folder(folder)
    read_record(run)
    rows = list(read_metrics(run))
    if not rows:
        raise DataError(f"{run.uri}: nothing is logged yet; the first row comes with the first logged step")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if out != STDOUT:
        write_file(out, table.getvalue().encode())
    return {"run": run.uri, "rows": len(rows), "columns": columns, "out": out}, table.getvalue()
