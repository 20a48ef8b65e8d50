"""Writes the page of `gan-pipeline inspect --html`."""

from dataclasses import dataclass
from pathlib import Path

from gan_core.errors import UsageError
from gan_core.progress import show_progress
from gan_core.storage import Folder, write_file
from gan_pipeline.dataset.face_log import FACES_REPORT
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.inspection.dataset_page import dataset_page
from gan_pipeline.inspection.findings import Finding


@dataclass(frozen=True)
class WrittenPage:
    """A page that was written: the dataset it is about, where it is, its size in bytes, and the findings on top of it."""

    folder: str
    digest: str
    page: str
    size: int
    findings: list[Finding]


def write_page(folder: Folder, out: str | None) -> WrittenPage:
    """Measure a dataset and write its page.

    Args:
        folder: the dataset folder.
        out: the page, local or gs://; None for one named after the folder, in the working folder.

    Raises:
        UsageError: `out` is no name for a page; nothing was read.
        DataError, StorageError: the dataset is damaged, or a storage refused.
    """
    page = default_page(folder) if out is None else out
    _check_name(page)
    manifest = read_manifest(folder)
    total = sum(split.examples for split in manifest.splits.values())
    with show_progress(total, "examples") as progress:
        document = dataset_page(folder, manifest, progress.advance)
    content = document.html.encode()
    write_file(page, content)
    return WrittenPage(folder.uri, manifest.digest, page, len(content), document.findings)


def default_page(folder: Folder) -> str:
    """The default name of the page: NAME-inspect.html, where NAME is the last part of the folder's path."""
    local = not folder.uri.startswith("gs://")
    name = Path(folder.uri).resolve().name if local else folder.uri.rpartition("/")[2]
    return f"{name or 'dataset'}-inspect.html"


def _check_name(page: str) -> None:
    name = page.rpartition("/")[2]
    if not name.endswith(".html") or name == FACES_REPORT:
        raise UsageError(f"-o {page!r}: not a name for the page; it ends in .html, and {FACES_REPORT} is another one")
