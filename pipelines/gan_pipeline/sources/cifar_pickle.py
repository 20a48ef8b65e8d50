"""The pickles of CIFAR-10's python version, read without running anything a pickle may name.

A pickle is a program. These need few instructions, so all others are refused before it runs, and the numpy functions
they name stand for objects here that only note what they were given.
"""

import io
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_INSTRUCTIONS = 500_000
"""10,000 images, each with a label and a file name, need 30,000 to 70,000."""

_INSTRUCTIONS = frozenset(
    (
        *("PROTO", "MARK", "STOP", "GLOBAL", "REDUCE", "BUILD"),
        *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE"),
        *("EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_LIST", "APPEND", "APPENDS"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT"),
    )
)


class _Noted:
    """An object of a pickle, as the arguments and the state the pickle gives it."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Array(_Noted):
    pass


class _Dtype(_Noted):
    pass


def _encode(text: str, codec: str) -> bytes:
    """How Python 3 writes bytes in this protocol."""
    if codec != "latin1":
        raise pickle.UnpicklingError("a codec other than latin1")
    return text.encode(codec)


class _Named:
    """Stands for a name in a pickle: it can be called, and not be changed for the next pickle."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it changes what it names")


_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _Named(_Array),
    ("numpy._core.multiarray", "_reconstruct"): _Named(_Array),
    ("numpy", "ndarray"): _Named(_Noted),
    ("numpy", "dtype"): _Named(_Dtype),
    ("_codecs", "encode"): _Named(_encode),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it names {module!a} {name!a}")
        return _KNOWN[module, name]


def read_pickle(content: bytes) -> dict[bytes, Any]:
    """The dictionary in a pickle of bytes, numbers, lists and arrays of bytes, as Python 2 wrote it.

    Returns:
        Keys are bytes. An array is an object for `bytes_array`.

    Raises:
        ValueError: it is cut off, damaged, or holds anything else; with the reason in one line.
    """
    try:
        _check_instructions(content)
        found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    # A damaged pickle fails with whatever its instructions ran into: KeyError, TypeError, IndexError, ...
    except Exception as error:
        raise ValueError(" ".join(str(error).split())[:200] or type(error).__name__) from error
    if not isinstance(found, dict):
        raise ValueError(f"a {type(found).__name__} where a dictionary is expected")
    return found


def _check_instructions(content: bytes) -> None:
    """Raise ValueError for what could make the unpickler slow, or take far more memory than the file's own size."""
    for number, (instruction, argument, _) in enumerate(pickletools.genops(content)):
        if instruction.name not in _INSTRUCTIONS:
            raise ValueError(f"instruction {instruction.name}")
        if number > _MAX_INSTRUCTIONS:
            raise ValueError(f"more than {_MAX_INSTRUCTIONS} instructions")
        # The unpickler makes room up to the highest place.
        if instruction.name == "LONG_BINPUT" and isinstance(argument, int) and argument > number:
            raise ValueError(f"place {argument} in its memo")


def bytes_array(value: Any) -> NDArray[np.uint8]:
    """The uint8 array behind an object of `read_pickle`. Raises ValueError if it is none, or lacks bytes."""
    match value:
        case _Array(state=(int(), tuple(shape), _Dtype(arguments=(b"u1" | "u1", *_)), bool(fortran), bytes(content))):
            try:
                return np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")
            except (TypeError, OverflowError) as error:
                raise ValueError(f"an array of shape {str(shape)[:200]}") from error
        case _:
            raise ValueError("no array of bytes where the images should be")
