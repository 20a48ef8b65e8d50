"""A cache of the statistics of reals on this machine, in $GANMILL_CACHE or ~/.cache/ganmill. Entries may be removed.

The name of an entry is a hash of all that it depends on: the dataset's digest, the split, the number of images, the hash of the
extractor's weights and the resizer.
"""

import hashlib
import io
import json
from collections.abc import Callable

import numpy as np

from gan_core.arrays import array_names, read_arrays
from gan_core.errors import DataError
from gan_core.notices import warn
from gan_core.storage import cache_folder, open_folder
from gan_train.scoring.image_statistics import ImageStatistics
from gan_train.scoring.protocol import Protocol

CACHE = "GANMILL_CACHE"
"""Environment variable: the folder, local or gs://."""

_ARRAY_BYTES = 1 << 30
"""The largest array of an entry that is read; 10,000 features of 2,048 numbers take 82 MB."""

_VERSION = 1
"""Version of the content of an entry; entries of other versions are not found."""


def real_statistics(protocol: Protocol, gather: Callable[[], ImageStatistics]) -> ImageStatistics:
    """The statistics of the reals of a protocol, from the cache or else from `gather`, whose result is cached.

    A damaged entry is replaced, with a warning. Raises StorageError if the cache cannot be written.
    """
    folder = open_folder(cache_folder(CACHE))
    name = entry_name(protocol)
    if folder.exists(name):
        try:
            content = folder.read(name)
            return ImageStatistics.from_arrays(read_arrays(content, array_names(content), _ARRAY_BYTES))
        except (ValueError, KeyError, TypeError, DataError):
            warn(f"{folder.locate(name)} is damaged; it is made again")
    statistics = gather()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **statistics.to_arrays())
    folder.write(name, buffer.getvalue())
    return statistics


def entry_name(protocol: Protocol) -> str:
    """File name of the entry of a protocol."""
    parts = (_VERSION, protocol.dataset, protocol.split, protocol.reals, protocol.extractor_hash, protocol.resizer)
    return f"reals-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}.npz"
