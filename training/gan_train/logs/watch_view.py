"""`gan-train watch`: a live table on a terminal, plain lines otherwise, one document for scripts."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gan_core.bar import ProgressView
from gan_core.command import print_json
from gan_core.progress import duration, time_left
from gan_core.storage import CloudFolder, Folder, open_folder
from gan_core.terminal import live
from gan_train.logs.metrics_log import Row
from gan_train.logs.status_line import named, status_line
from gan_train.logs.watch import Standing, follow, read_standing

_TERMINAL_SECONDS = 1.0
_PLAIN_SECONDS = 10.0


def watch_run(uri: str, once: bool, as_json: bool, quality: Callable[[Folder], str]) -> Standing:
    """Show where a run stands until it has ended, or `once`. Raises what `read_standing` and `quality` raise.

    Args:
        uri: of the run folder.
        once: whether to show it once.
        as_json: whether to print one document, when it has ended or with `once`.
        quality: what is known of the quality of a run's images, in a sentence.
    """
    run = open_folder(uri)
    on_terminal = sys.stdout.isatty() and not as_json
    seconds = _TERMINAL_SECONDS if on_terminal and not isinstance(run, CloudFolder) else _PLAIN_SECONDS

    def read() -> Standing:
        standing = read_standing(run)
        return replace(standing, quality=quality(run))

    def until_it_ends(show: Callable[[Standing], None]) -> Standing:
        if once:
            standing = read()
            show(standing)
            return standing
        return follow(read, show, lambda: time.sleep(seconds))

    if as_json:
        standing = until_it_ends(lambda _: None)
        print_json(document(standing))
        return standing
    if on_terminal:
        with live(Console()) as show:
            return until_it_ends(lambda standing: show(table(standing)))
    return until_it_ends(LinePrinter())


class LinePrinter:
    """Prints the lines of a standing that differ from those of the one before."""

    def __init__(self) -> None:
        self._before: Standing | None = None

    def __call__(self, standing: Standing) -> None:
        print(*lines(standing, self._before), sep="\n", flush=True)
        self._before = standing


def document(standing: Standing) -> dict[str, Any]:
    """The standing as one JSON document, with the newest row under "metrics"."""
    known = asdict(standing)
    known["metrics"] = known.pop("row")
    return known


def lines(standing: Standing, before: Standing | None = None) -> list[str]:
    """The lines about everything that changed since `before`; about everything if that is None."""
    new: list[str] = []
    if before is None or (standing.state, standing.words) != (before.state, before.words):
        new.append(f"{standing.run}: {standing.state}, {standing.words}")
    if standing.row and standing.steps and (before is None or standing.row != before.row):
        words = standing.verdict.in_short if standing.verdict else ""
        new.append(str(status_line(standing.row, standing.steps, standing.seconds_left, words)))
    verdict = standing.verdict
    if verdict and verdict.failing and (before is None or not before.verdict or before.verdict.kind != verdict.kind):
        new.append(f"diagnosis: {verdict}")
    if standing.quality and (before is None or standing.quality != before.quality):
        new.append(f"quality: {standing.quality}")
    for name, file, known in (
        ("samples", standing.samples, before and before.samples),
        ("checkpoint", standing.checkpoint, before and before.checkpoint),
    ):
        if file and file != known:
            new.append(f"newest {name}: {standing.run}/{file}")
    return new


def table(standing: Standing) -> RenderableType:
    """The display on a terminal."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    for name, words in _facts(standing):
        facts.add_row(name, Text(words))
    title = Text(f"{standing.run}: {standing.state}, {standing.words}", style="bold")
    if not standing.steps:
        return Group(title, facts)
    head = [f"step {standing.step}/{standing.steps}", *([] if standing.ended else [time_left(standing.seconds_left)])]
    return Group(title, ProgressView(standing.step, standing.steps, head), facts)


def _facts(standing: Standing) -> list[tuple[str, str]]:
    row = standing.row
    facts: list[tuple[str, str]] = []
    if row:
        stalls = f"{_share(row, 'checkpoint')} for checkpoints, {_share(row, 'snapshot')} for snapshots"
        facts += [
            ("loss", named(row, ".loss", "{:.3f}")),
            ("accuracy", named(row, ".accuracy", "{:.0%}")),
            ("estimate", named(row, ".estimate", "{:+.3f}")),
            ("score", named(row, ".score", "{:.3f}")),
            ("speed", f"{row['images_per_second']:,.0f} images/s, input wait {row['input_wait']:.1%}"),
            ("time", f"{duration(row['elapsed'])} of training, {stalls}"),
            ("memory", _memory(row)),
        ]
    if standing.verdict:
        facts.append(("diagnosis", str(standing.verdict)))
    facts.append(("quality", standing.quality))
    newest = (("samples", standing.samples), ("checkpoint", standing.checkpoint))
    facts = [(name, words) for name, words in facts if words]
    return facts + [(name, f"{standing.run}/{file}") for name, file in newest if file]


def _share(row: Row, stall: str) -> str:
    return f"{row[f'stall.{stall}'] / row['elapsed']:.1%}"


def _memory(row: Row) -> str:
    device = f", {row['memory.device'] / 2**20:,.0f} MB on the device" if "memory.device" in row else ""
    return f"{row['memory.host'] / 2**20:,.0f} MB{device}"
