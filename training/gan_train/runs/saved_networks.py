"""The networks that a run saved at its snapshots: models/KIND-step-STEP.keras, in plain Keras."""

import errno
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core.errors import DataError, UsageError
from gan_core.quiet import import_tensorflow
from gan_core.storage import Folder, storage_errors
from gan_core.text import printable
from gan_train.runs.layout import RECIPE, networks

if TYPE_CHECKING:
    import keras

_PACKED_BYTES = 1 << 20
"""Bytes by which what is in a .keras file may be larger than the file: Keras stores arrays as they are."""

_STORAGE_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
"""Numbers of errors by which a storage refuses; others come from what a damaged file says, as a negative position."""


def saved_step(run: Folder, kind: str, step: int | None) -> int:
    """The step of a saved network: the given one, which is checked, or the newest for None.

    Raises:
        DataError: no network of that kind is saved yet.
        UsageError: none was saved at that step.
    """
    steps = networks(kind).steps(run)
    if not steps:
        raise DataError(f"{run.uri}: no {kind} saved yet; the first comes with the first sample grid")
    if step is not None and step not in steps:
        known = ", ".join(map(str, steps))
        raise UsageError(f"{run.uri}: no {kind} of step {step}; there are: {known}")
    return step or steps[-1]


def load_network(run: Folder, kind: str, step: int) -> "keras.Model":
    """A saved network. Raises what `load_keras_file` raises."""
    name = networks(kind).name(step)
    with run.local_file(name) as path:
        return load_keras_file(path, run.locate(name), "take another --step")


def load_keras_file(path: Path, where: str, remedy: str) -> "keras.Model":
    """A network of a .keras file.

    Args:
        path: of the file on this machine.
        where: what to call it in messages.
        remedy: what the user can do about a damaged file.

    Raises:
        DataError: the file is damaged, or no .keras file.
        StorageError: there is no space or right to unpack it.
    """
    import_tensorflow()
    import keras

    try:
        _check_archive(path)
        return keras.models.load_model(path, compile=False)
    except OSError as error:
        if error.errno in _STORAGE_FAULTS:
            with storage_errors(path):
                raise
        raise _damaged(where, error, remedy) from error
    # Whatever Keras stumbles over in a damaged file is raised as it is: TypeError, RecursionError, MemoryError, ...
    except Exception as error:
        raise _damaged(where, error, remedy) from error


def check_shapes(
    network: "keras.Model", inputs: Sequence[tuple[int | None, ...]], output: tuple[int | None, ...], where: str
) -> None:
    """Check that a network takes and makes what its run's recipe says.

    Args:
        network: as loaded.
        inputs: expected shape of each input, without the batch.
        output: expected shape of the output, without the batch.
        where: its file, for the message.

    Raises:
        DataError: it takes or makes something else.
    """
    found = [tuple(tensor.shape[1:]) for tensor in network.inputs]
    made = [tuple(tensor.shape[1:]) for tensor in network.outputs]
    if found != list(inputs) or made != [output]:
        raise DataError(
            f"{where}: it takes {found} and makes {made}, but by {RECIPE} of its run {list(inputs)} and {[output]}; "
            f"restore {RECIPE}, or take another run"
        )


def _check_archive(path: Path) -> None:
    """Raise ValueError if a .keras file is packed denser than Keras packs, or zipfile's errors if a bit in it is flipped."""
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > path.stat().st_size + _PACKED_BYTES:
            raise ValueError("it would be unpacked to many times its size")
        member = archive.testzip()
        if member is not None:
            raise ValueError(f"{member} in it has another checksum")


def _damaged(where: str, error: BaseException, remedy: str) -> DataError:
    why = printable(" ".join(str(error).split())[:200]) or type(error).__name__
    return DataError(f"{where}: damaged ({why}); {remedy}")
