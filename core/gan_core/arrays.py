"""A reader for NumPy's .npy and .npz files that a stranger may have made."""

import io
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_FAULTS = (ValueError, OSError, EOFError, RuntimeError, TypeError, KeyError, zipfile.BadZipFile, zlib.error)
"""Everything that zipfile, zlib and NumPy raise for a file that is cut, damaged, encrypted or packed by another method."""


def read_arrays(content: bytes, names: Collection[str], limit: int) -> Mapping[str, NDArray[Any]]:
    """Read named arrays, each of which takes exactly the bytes that its header announces.

    Args:
        content: of an .npz file; or of an .npy file, whose array takes the first of `names`.
        names: of the arrays to read; those that the file lacks are left out.
        limit: bytes that one array may take. Nothing larger is allocated, however small it was packed.

    Raises:
        ValueError: the file is damaged, an array is too large, or it would need pickle; the message is one line.
    """
    with _faults_as_value_errors():
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return {next(iter(names)): _array(io.BytesIO(content), len(content), limit)}
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            held = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            arrays = {}
            for name in names:
                if name in held:
                    with archive.open(held[name]) as file:
                        arrays[name] = _array(file, held[name].file_size, limit)
            return arrays


def read_array(content: bytes) -> NDArray[Any]:
    """Read the array of an .npy file, which takes exactly the bytes that its header announces.

    Raises:
        ValueError: the file is damaged, or it would need pickle; the message is one line.
    """
    with _faults_as_value_errors():
        return _array(io.BytesIO(content), len(content), len(content))


def array_names(content: bytes) -> list[str]:
    """The names of all arrays in an .npz file. Raises ValueError if it is none."""
    with _faults_as_value_errors(), zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


@contextmanager
def _faults_as_value_errors() -> Iterator[None]:
    """Turn every error of a damaged file into a ValueError of one line."""
    try:
        yield
    except _FAULTS as error:
        raise ValueError(" ".join(str(error).split())[:200] or type(error).__name__) from error


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the order is Fortran's, and dtype of an .npy file, whose stream then stands at the first value.

    Raises ValueError if the header is none: NumPy reads it as Python's source text, which has errors of its own.
    """
    version = np.lib.format.read_magic(stream)
    parse = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran_order, dtype = parse(stream)
    except (SyntaxError, tokenize.TokenError, TypeError, KeyError, RecursionError, MemoryError, OverflowError) as error:
        raise ValueError(f"no header of an .npy file ({error})") from error
    return shape, fortran_order, dtype


def _array(file: IO[bytes], size: int, limit: int) -> NDArray[Any]:
    """The array of an .npy file of `size` bytes."""
    if size > limit:
        raise ValueError(f"an array of {size:,} bytes, more than {limit:,}")
    stream = io.BytesIO(file.read(size))
    shape, fortran_order, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read; save an array of numbers")
    values = stream.read()
    # In Python's whole numbers, which do not overflow.
    announced = dtype.itemsize
    for side in shape:
        announced *= side
    if min(shape, default=0) < 0 or announced != len(values):
        raise ValueError(f"its header announces {dtype} of shape {shape}, but {len(values):,} bytes follow")
    array = np.frombuffer(values, dtype) if values else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran_order else "C").copy()
