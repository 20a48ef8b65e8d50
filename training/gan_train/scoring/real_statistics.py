"""Statistics of real images, kept from one evaluation to the next in a cache of this machine.

An entry is named by all that decides it: the dataset's digest, the split, how many, the extractor's weights and the
resizer; never by the name of a dataset. It lies in $GANMILL_CACHE, or in ~/.cache/ganmill, and may be removed at any time.
"""

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_core.errors import DataError
from gan_core.notices import warn
from gan_core.storage import open_folder
from gan_train.scoring.protocol import Protocol
from gan_train.scoring.side import ImageStatistics

CACHE = "GANMILL_CACHE"
"""Environment variable: the folder, local or gs://."""

_VERSION = 1
"""The version of an entry's content and of its computation; a new one computes all again."""


def real_statistics(protocol: Protocol, gather: Callable[[], ImageStatistics]) -> ImageStatistics:
    """The statistics of a protocol's reals from the cache, or those that `gather` gives, which are then stored.

    A damaged entry is said and made anew. Raises StorageError if the cache cannot be written.
    """
    folder = open_folder(os.environ.get(CACHE) or Path.home() / ".cache" / "ganmill")
    name = entry_name(protocol)
    if folder.exists(name):
        try:
            with np.load(io.BytesIO(folder.read(name)), allow_pickle=False) as arrays:
                return ImageStatistics.from_arrays(dict(arrays))
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, DataError):
            warn(f"{folder.locate(name)} is damaged; it is made anew")
    side = gather()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **side.to_arrays())
    folder.write(name, buffer.getvalue())
    return side


def entry_name(protocol: Protocol) -> str:
    """File name of an entry."""
    parts = (_VERSION, protocol.dataset, protocol.split, protocol.reals, protocol.extractor_hash, protocol.resizer)
    return f"reals-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}.npz"
