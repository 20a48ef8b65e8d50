"""The check of a source: its first file is found and its beginning read, without reading or counting the rest."""

from gan_core.doctor.check import Result
from gan_core.errors import StorageError
from gan_core.storage import open_file, open_folder
from gan_core.storage.gcs_client import patience

_PATIENCE = 10.0
"""Seconds for which a request to a storage that does not answer is repeated."""

_BEGINNING = 1 << 10


def check_source(uri: str) -> Result:
    """Read the beginning of a file, or of the first file below a folder.

    Raises:
        StorageError: there is no such file or folder, it is empty, or it cannot be read.
    """
    with patience(_PATIENCE):
        folder, name = open_file(uri.rstrip("/"))
        if not folder.exists(name):
            folder = open_folder(uri)
            first = folder.first_name()
            if first is None:
                raise StorageError(f"{uri}: there is no file at or below this name; check it")
            name = first
        size = len(folder.read_range(name, 0, _BEGINNING))
    return Result("ok", f"{folder.locate(name)}: found, its first {size:,} bytes read")
