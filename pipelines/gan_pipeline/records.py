"""The record layout, and only here: a `tf.train.Example` of (id, image, label) in TFRecord framing.

Written without TensorFlow, so that preparing starts fast and streams to any storage.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from gan_pipeline.errors import DataError

if TYPE_CHECKING:
    import tensorflow as tf

Image = NDArray[np.uint8]
"""uint8, (height, width, channels)."""


class Encoding(StrEnum):
    """How an image is stored; both are lossless."""

    RAW = "raw"
    PNG = "png"


@dataclass(frozen=True)
class RawExample:
    """One example as a source gives it: a stable name, a uint8 (height, width, channels) image, a class number."""

    id: str
    image: Image
    label: int


def encode_image(image: Image, encoding: Encoding) -> bytes:
    """The bytes stored for an image: its pixels in C order, or a PNG file."""
    if encoding is Encoding.RAW:
        return image.tobytes()
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    Pillow.fromarray(pixels).save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


def decode_image(content: bytes, shape: tuple[int, ...], encoding: Encoding) -> Image:
    """The inverse of `encode_image`. Raises DataError if the bytes do not hold an image of `shape`."""
    if encoding is Encoding.RAW:
        if len(content) != np.prod(shape):
            raise DataError(f"an image of {len(content)} bytes where shape {shape} needs {np.prod(shape)}")
        return np.frombuffer(content, np.uint8).reshape(shape)
    from PIL import Image as Pillow

    try:
        pixels = np.asarray(Pillow.open(io.BytesIO(content)))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"not a readable PNG ({error})") from error
    if pixels.dtype != np.uint8 or pixels.shape != (shape[:2] if shape[-1] == 1 else shape):
        raise DataError(f"a PNG of {pixels.dtype} {pixels.shape} where uint8 {shape} is expected")
    return pixels.reshape(shape)


class ExampleEncoder:
    """Serialises examples to `tf.train.Example`; equal examples give equal bytes.

    One message is filled again and again, which takes half the time of building one for each example. Not to be
    shared between threads.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._message = _example_class()()
        feature = self._message.features.feature
        self._id, self._image, self._label = (
            feature["id"].bytes_list.value,
            feature["image"].bytes_list.value,
            feature["label"].int64_list.value,
        )
        self._id.append(b"")
        self._image.append(b"")
        self._label.append(0)

    def encode(self, example: RawExample) -> bytes:
        """The serialised example."""
        self._id[0] = example.id.encode()
        self._image[0] = encode_image(example.image, self._encoding)
        self._label[0] = example.label
        return self._message.SerializeToString(deterministic=True)


def decode_example(record: bytes, shape: tuple[int, ...], encoding: Encoding) -> RawExample:
    """The inverse of `ExampleEncoder.encode`. Raises DataError if the record has another layout."""
    from google.protobuf.message import DecodeError

    try:
        feature = _example_class().FromString(record).features.feature
        name = feature["id"].bytes_list.value[0].decode()
        content = feature["image"].bytes_list.value[0]
        label = feature["label"].int64_list.value[0]
    except (DecodeError, IndexError, UnicodeDecodeError) as error:
        raise DataError(f"a record that is not an example of (id, image, label): {error}") from error
    return RawExample(name, decode_image(content, shape, encoding), label)


@cache
def _example_class() -> Any:
    """TFDS ships the Example message without the rest of TensorFlow."""
    from tensorflow_datasets.proto import tf_example_generated_pb2

    return tf_example_generated_pb2.Example


_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEAD = _LENGTH.size + _CRC.size


def _masked_crc(content: bytes) -> int:
    """TFRecord's checksum: crc32c, rotated and offset (tensorflow/core/lib/hash/crc32c.h)."""
    crc: int = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(record: bytes) -> bytes:
    """A record in TFRecord framing: length, its checksum, content, its checksum."""
    length = _LENGTH.pack(len(record))
    return b"".join((length, _CRC.pack(_masked_crc(length)), record, _CRC.pack(_masked_crc(record))))


def unframe(shard: bytes) -> Iterator[bytes]:
    """The records of a whole shard, each checked. Raises DataError with the byte offset of the first fault."""
    offset, view = 0, memoryview(shard)
    while offset < len(shard):
        head = shard[offset : offset + _LENGTH.size]
        body = offset + _HEAD
        if body > len(shard) or _CRC.unpack_from(shard, offset + _LENGTH.size)[0] != _masked_crc(head):
            raise DataError(f"corrupt record header at byte {offset}")
        end = body + _LENGTH.unpack(head)[0]
        if end + _CRC.size > len(shard):
            raise DataError(f"record at byte {offset} is cut off")
        record = bytes(view[body:end])
        if _CRC.unpack_from(shard, end)[0] != _masked_crc(record):
            raise DataError(f"corrupt record at byte {offset}")
        yield record
        offset = end + _CRC.size


def parse_batch(records: "tf.Tensor", shape: tuple[int, ...], encoding: Encoding) -> "dict[str, tf.Tensor]":
    """Decode a batch inside a TensorFlow graph.

    Args:
        records: string (batch,), serialised examples.
        shape: (height, width, channels) of every image.
        encoding: how the images are stored.

    Returns:
        "image": uint8 (batch, height, width, channels); "label": int64 (batch,).
    """
    import tensorflow as tf

    layout = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
    batch = tf.io.parse_example(records, layout)
    if encoding is Encoding.RAW:
        pixels = tf.io.decode_raw(batch["image"], tf.uint8)
    else:
        pixels = tf.map_fn(lambda png: tf.io.decode_png(png, channels=shape[-1]), batch["image"], fn_output_signature=tf.uint8)
    return {"image": tf.reshape(pixels, (-1, *shape)), "label": batch["label"]}
