"""The folder of a dataset named by the content of its source: `-o "gs://bucket/photos-{content}"`.

An unchanged source leads to the folder of the time before, which is finished; a changed one to a new folder, so that a
dataset that a run was trained on is never replaced.
"""

import os

from gan_core.errors import UsageError
from gan_pipeline.dataset.options import Options
from gan_pipeline.sources.resolve import FILES, resolve_source

CONTENT = "{content}"
_DIGITS = 12
"""Hexadecimal digits of the fingerprint: two of a million contents have the same with a probability of 1 in 500."""


def named_by_content(out: str, options: Options) -> str:
    """`out` with the first 12 hexadecimal digits of the sha256 of the source's content in place of each "{content}".

    Without "{content}" it is returned as it is, and nothing is read.

    Raises:
        UsageError: the folder lies in the source, whose content each dataset would change.
        DataError, StorageError: the source is damaged, or cannot be read.
    """
    if CONTENT not in out:
        return out
    spec = resolve_source(options)
    if spec.kind == FILES and _is_below(out.partition(CONTENT)[0], spec.uri):
        raise UsageError(f"{out}: lies in its own source, whose content it would change; choose a folder outside of {spec.uri}")
    return out.replace(CONTENT, spec.open().fingerprint[:_DIGITS])


def _is_below(path: str, folder: str) -> bool:
    if path.startswith("gs://") or folder.startswith("gs://"):
        return path.startswith(f"{folder.rstrip('/')}/")
    return os.path.realpath(path).startswith(f"{os.path.realpath(folder)}{os.sep}")
