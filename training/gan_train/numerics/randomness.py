"""Random numbers that depend on (seed, step, phase, stream, example) and on nothing else.

Philox (Salmon et al. 2011) is a function of a key and a 128-bit counter. The key is the run's seed; the counter's high
half is (step, phase, stream), its low half the position inside the global batch. So a replica draws exactly its slice of the
numbers that one device would draw, and a resumed run needs no stored generator state. Each rollback changes the key
(runs/rollbacks.py).
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import copy
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_PHILOX = 1
_GROUP = 4
"""Numbers that one value of the counter gives."""

_PICTURES = 255
"""Phase number of pictures; the phases of a step have smaller numbers."""


def random_key(seed: int, restored: Sequence[int], step: tf.Tensor) -> tf.Tensor:
    """The key of a step's random numbers, uint64 scalar: the seed, with the stream in its upper half.

    Args:
        seed: of the run, below 2**32.
        restored: the steps that rollbacks returned to.
        step: int64 scalar, zero based.
    """
    stream = tf.reduce_sum(tf.cast(step >= tf.constant(restored, tf.int64), tf.int64))
    return tf.cast(seed + stream * 2**32, tf.uint64)


class Draw:
    """The random numbers of one phase of one step on one replica. Each call of a method uses the next stream.

    Args:
        key: the seed of the run, int in [0, 2**32), or a uint64 scalar.
        step: int64 scalar, zero based.
        phase: position of the phase in its step, below 256.
        replica: int scalar, this replica's position among `replicas`.
        replicas: number of replicas that share the global batch.
    """

    def __init__(self, key: int | tf.Tensor, step: tf.Tensor, phase: int, replica: tf.Tensor | int, replicas: int) -> None:
        self._key = tf.reshape(tf.convert_to_tensor(key, tf.uint64), [1])
        self._address = tf.cast(step, tf.uint64) * (1 << 16) + (phase << 8)
        self._replica = tf.cast(replica, tf.uint64)
        self.step = step
        self._streams = 0
        self._place: Callable[[], Any] = nullcontext
        self.replicas = replicas

    def part(self, number: tf.Tensor, parts: int) -> "Draw":
        """The random numbers of one of the equal parts that this replica computes one after the other (`accumulate`).

        A part draws what a replica of its own would draw: its examples get the numbers that they have in the whole batch.

        Args:
            number: int32 scalar, position of the part, below `parts`.
            parts: number of parts.
        """
        part = copy(self)
        part._replica = self._replica * parts + tf.cast(number, tf.uint64)
        part.replicas = self.replicas * parts
        return part

    def outside(self, place: Callable[[], Any]) -> "Draw":
        """The same random numbers, computed in a place of their own: XLA's Philox gives other numbers than TensorFlow's.

        Args:
            place: gives a context manager within which operations belong to a graph outside of the one that XLA compiles.
        """
        drawn = copy(self)
        drawn._place = place
        return drawn

    def go_on_after(self, other: "Draw") -> None:
        """Let the next stream be the one after the last that a copy of these random numbers used."""
        self._streams = other._streams

    def normal(self, global_count: int, size: int) -> tf.Tensor:
        """This replica's share of `global_count` vectors of N(0, 1): float32 (global_count / replicas, size)."""
        return self._numbers(tf.raw_ops.StatelessRandomNormalV2, global_count // self.replicas, size)

    def uniform(self, global_count: int, size: int) -> tf.Tensor:
        """This replica's share of `global_count` vectors of numbers in [0, 1): float32 (global_count / replicas, size)."""
        return self._numbers(tf.raw_ops.StatelessRandomUniformV2, global_count // self.replicas, size)

    def shared_uniform(self, count: int, size: int) -> tf.Tensor:
        """Numbers in [0, 1) that are the same on every replica: float32 (count, size)."""
        return self._numbers(tf.raw_ops.StatelessRandomUniformV2, count, size, tf.constant(0, tf.uint64))

    def integers(self, global_count: int, below: int) -> tf.Tensor:
        """This replica's share of `global_count` uniform draws from [0, below): int32 (global_count / replicas,)."""
        return tf.cast(self.uniform(global_count, 1)[:, 0] * below, tf.int32)

    def normal_like(self, tensor: tf.Tensor) -> tf.Tensor:
        """Numbers of N(0, 1), float32, of the shape of this replica's `tensor`, whose first axis is the batch."""
        count, size = _count(tensor), math.prod(tensor.shape[1:])
        return tf.reshape(self._numbers(tf.raw_ops.StatelessRandomNormalV2, count, size), tf.shape(tensor))

    def uniform_like(self, tensor: tf.Tensor, parts: int = 1) -> tf.Tensor:
        """Numbers in [0, 1), float32, of the shape of this replica's `tensor`, whose first axis is the batch.

        Args:
            tensor: shape (n, ...).
            parts: number of global batches that are stacked in it; each has a stream of its own.
        """
        count, size = _count(tensor) // parts, _size(tensor)
        stacked = [self._numbers(tf.raw_ops.StatelessRandomUniformV2, count, size) for _ in range(parts)]
        return tf.reshape(tf.concat(stacked, axis=0), tf.shape(tensor))

    def _numbers(
        self, operation: Any, count: tf.Tensor | int, size: tf.Tensor | int, replica: tf.Tensor | None = None
    ) -> tf.Tensor:
        with self._place():
            padded = -(-size // _GROUP) * _GROUP
            groups = tf.cast(padded // _GROUP, tf.uint64)
            first = (self._replica if replica is None else replica) * tf.cast(count, tf.uint64) * groups
            counter = tf.stack([first, self._address + self._next_stream()])
            return operation(shape=[count, padded], key=self._key, counter=counter, alg=_PHILOX)[:, :size]

    def _next_stream(self) -> int:
        self._streams += 1
        if self._streams >= 1 << 8:
            raise RuntimeError("a phase uses more than 255 random streams; widen the stream field of the address")
        return self._streams


def _count(tensor: tf.Tensor) -> tf.Tensor | int:
    """The number of examples of a tensor: an int where it is known before the network runs."""
    return tf.shape(tensor)[0] if tensor.shape[0] is None else tensor.shape[0]


def _size(tensor: tf.Tensor) -> tf.Tensor | int:
    """The number of values of an example: an int where the shape is known before the network runs."""
    sides = tensor.shape[1:]
    return math.prod(sides) if sides.is_fully_defined() else tf.reduce_prod(tf.shape(tensor)[1:])


def picture_draw(key: int | tf.Tensor) -> Draw:
    """The random numbers of a picture, such as those of dropout; they differ from all random numbers of training.

    Args:
        key: any int, or a uint64 scalar.
    """
    return Draw(key % 2**64 if isinstance(key, int) else key, tf.constant(0, tf.int64), _PICTURES, 0, 1)


def latent_draw(latent: NDArray[np.float32]) -> Draw:
    """The random numbers of the picture of a latent, float32 (latent_size,): always the same for the same latent."""
    return picture_draw(content_key(latent.tobytes()))


def content_key(content: bytes) -> int:
    """A key for `picture_draw`, below 2**64: always the same for the same content."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")
