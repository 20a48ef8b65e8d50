"""A local file that may be packed by gzip, as a stream of its content."""

import gzip
import io
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_core.errors import DataError, StorageError
from gan_core.storage import storage_errors

_GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def open_unpacked(path: Path, where: str, remedy: str) -> Iterator[io.BufferedIOBase]:
    """Open a file to copy its content into a temporary file; gzip is told by content, not by name.

    gzip's checksum is checked only by who reads to the end.

    Args:
        path: the local file.
        where: what to call it in messages.
        remedy: what to do when it is broken.

    Raises:
        DataError: in the block, when what was read turns out to be cut off or damaged gzip.
        StorageError: the file cannot be read, or the block could not write.
    """
    with storage_errors(path), open(path, "rb") as raw:
        packed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        raw.seek(0)
        try:
            with gzip.open(raw) if packed else raw as content:
                yield content
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{where}: cut off or damaged ({error}); {remedy}") from error
        except OSError as error:
            raise StorageError(f"{where}: could not be unpacked into {tempfile.gettempdir()}: {error}") from error
