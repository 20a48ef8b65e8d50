"""Whether what a recipe asks for fits into the memory of this machine, told before it is allocated."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from gan_core.errors import UsageError
from gan_core.memory import memory_bytes
from gan_core.text import printable

_building = threading.Lock()


def check_fits(needed: int, what: str, remedy: str) -> None:
    """Raise UsageError if `what` takes more bytes than there is memory."""
    limit = memory_bytes()
    if needed > limit:
        raise UsageError(f"{what} take {_size(needed)}, more than the {_size(limit)} of memory here; {remedy}")


@contextmanager
def weights_that_fit() -> Iterator[None]:
    """Count the variables that Keras makes during the block.

    Raises:
        UsageError: the next one would not fit into memory together with those before it. It is not allocated.
    """
    create, counted = keras.Variable.__init__, 0

    def counting(variable: Any, initializer: Any, shape: Any = None, dtype: Any = None, **options: Any) -> None:
        nonlocal counted
        sides = getattr(initializer, "shape", ()) if shape is None else shape
        width = 2 if "16" in str(dtype) else 4
        counted += width * math.prod(map(int, sides))
        check_fits(counted, "the networks of this recipe", "take fewer or smaller filters, units or kernels")
        create(variable, initializer, shape, dtype, **options)

    # Keras has no way to ask for the shapes without the values. Two trainings in one process build one after the other.
    with _building:
        keras.Variable.__init__ = counting
        try:
            yield
        finally:
            keras.Variable.__init__ = create


@contextmanager
def out_of_memory_in_words(batch_size: int) -> Iterator[None]:
    """Turn what TensorFlow and Python raise where memory ends into UsageError."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200] or "no memory left"
        raise UsageError(
            f"out of memory with batches of {batch_size:,} ({printable(reason)}); "
            "take a smaller batch_size or smaller networks, with --set"
        ) from error


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"


def largest_output(network: keras.Model) -> int:
    """The number of values that the largest output of a layer has for one example; sides that are not fixed count as 1."""
    shapes = [tensor.shape[1:] for layer in network.layers for tensor in keras.tree.flatten(layer.output)]
    return max(math.prod(side or 1 for side in shape) for shape in shapes)
