"""The layout of records: a `tf.train.Example` with an id and the named features, in TFRecord framing.

Written without TensorFlow, so that preparing starts fast and streams to any storage.
"""

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError
from gan_pipeline.dataset.example_message import example_class
from gan_pipeline.dataset.features import (
    AttributesFeature,
    Encoding,
    Feature,
    Features,
    ImageFeature,
    LabelFeature,
    image_features,
)

if TYPE_CHECKING:
    import tensorflow as tf

Image = NDArray[np.uint8]
"""uint8, (height, width, channels)."""

Value = Image | NDArray[np.int64] | NDArray[np.float32] | int
"""The value of one feature of one example: an image, attributes, a vector, or a class number."""


@dataclass(frozen=True)
class Example:
    """One example: an id that never changes, and a value for every feature."""

    id: str
    values: Mapping[str, Value]


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

    _check_png_head(content, shape)
    try:
        pixels = np.asarray(Pillow.open(io.BytesIO(content), formats=("PNG",)))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"not a readable PNG ({error})") from error
    if pixels.dtype != np.uint8 or pixels.shape != (shape[:2] if shape[-1] == 1 else shape):
        raise DataError(f"a PNG of {pixels.dtype} {pixels.shape} where uint8 {shape} is expected")
    return pixels.reshape(shape)


_PNG_HEAD = struct.Struct(">8s4x4sIIBB")
"""The start of a PNG file: its signature, the name of the first chunk, width and height in pixels, bits, colour type."""

_PNG_COLOURS = {1: 0, 3: 2}
"""The colour type of a PNG file, grey or RGB without transparency, by number of channels."""


def _check_png_head(content: bytes, shape: tuple[int, ...]) -> None:
    """Raise DataError unless the head of a PNG file says 8 bits and `shape`, so that no other image is decoded."""
    magic, chunk, width, height, bits, colour = _PNG_HEAD.unpack_from(content.ljust(_PNG_HEAD.size, b"\0"))
    if (magic, chunk) != (b"\x89PNG\r\n\x1a\n", b"IHDR"):
        raise DataError("not a readable PNG (its head is none of a PNG file)")
    if (height, width) != tuple(shape[:2]):
        raise DataError(f"a PNG of {width:,} x {height:,} pixels where {shape[1]:,} x {shape[0]:,} are expected")
    if (bits, colour) != (8, _PNG_COLOURS[shape[2]]):
        raise DataError(f"a PNG of {bits} bits and colour type {colour} where 8 and {_PNG_COLOURS[shape[2]]} are expected")


_MESSAGE_BYTES = 1 << 20
"""The bytes that pass through one protobuf message before it is replaced by a new one."""


class ExampleEncoder:
    """Serialises examples to `tf.train.Example`; equal examples give equal bytes.

    A message is filled repeatedly, which takes half the time of building one for each example. It keeps the memory of
    everything it ever held, so it is replaced after about a megabyte. An encoder must not be shared between threads.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._begin_message()

    def _begin_message(self) -> None:
        self._message, self._held = example_class()(), 0
        feature = self._message.features.feature
        self._id = feature["id"].bytes_list.value
        self._id.append(b"")
        self._values = [(name, kind, _values_of(feature[name], kind)) for name, kind in self._features.items()]

    def encode(self, example: Example) -> bytes:
        """The serialised example, without framing."""
        if self._held > _MESSAGE_BYTES:
            self._begin_message()
        self._id[0] = example.id.encode()
        for name, feature, stored in self._values:
            value: Any = example.values[name]
            if isinstance(feature, ImageFeature):
                stored[:] = (encode_image(value, feature.encoding),)
            elif isinstance(feature, LabelFeature):
                stored[:] = (value,)
            else:
                stored[:] = value.tolist()
        encoded: bytes = self._message.SerializeToString(deterministic=True)
        self._held += len(encoded)
        return encoded


def _values_of(stored: Any, feature: Feature) -> Any:
    """The list of a protobuf Feature that holds this kind of feature."""
    if isinstance(feature, ImageFeature):
        return stored.bytes_list.value
    if isinstance(feature, LabelFeature | AttributesFeature):
        return stored.int64_list.value
    return stored.float_list.value


def decode_example(record: bytes, features: Features) -> Example:
    """The inverse of `ExampleEncoder.encode`. Raises DataError if the record has another layout or a wrong value."""
    name, values = parse_example(record, features)
    for title, feature in image_features(features).items():
        values[title] = decode_image(values[title], feature.shape, feature.encoding)
    return Example(name, values)


def check_example(record: bytes, features: Features) -> None:
    """Check all of a record but the compressed pixels of its PNG files.

    Raises DataError if the record has another layout, a wrong number, or an image of another size.
    """
    _, values = parse_example(record, features)
    for title, feature in image_features(features).items():
        if feature.encoding is Encoding.RAW:
            decode_image(values[title], feature.shape, feature.encoding)
        else:
            _check_png_head(values[title], feature.shape)


def parse_example(record: bytes, features: Features) -> tuple[str, dict[str, Any]]:
    """The id and the value of every feature, images as the bytes they are stored in.

    Raises DataError if the record has another layout or a wrong number.
    """
    from google.protobuf.message import DecodeError

    try:
        stored = example_class().FromString(record).features.feature
        name = stored["id"].bytes_list.value[0].decode()
        values = {title: _value(title, _values_of(stored[title], feature), feature) for title, feature in features.items()}
    except (DecodeError, IndexError, UnicodeDecodeError) as error:
        raise DataError(f"a record that is not an example of (id, {', '.join(features)}): {error}") from error
    return name, values


def _value(title: str, stored: Any, feature: Feature) -> Any:
    if isinstance(feature, ImageFeature | LabelFeature) and len(stored) != 1:
        raise DataError(f"{title} has {len(stored)} values where one is expected")
    if isinstance(feature, ImageFeature):
        return stored[0]
    if isinstance(feature, LabelFeature):
        if not 0 <= stored[0] < len(feature.class_names):
            raise DataError(f"{title} {stored[0]} is outside 0..{len(feature.class_names) - 1}")
        return int(stored[0])
    if len(stored) != len(feature.names):
        raise DataError(f"{title} has {len(stored)} numbers where {len(feature.names)} are expected")
    numbers = np.asarray(stored, feature.dtype)
    if isinstance(feature, AttributesFeature) and not np.isin(numbers, (0, 1)).all():
        raise DataError(f"{title} holds a number that is neither 0 nor 1")
    return numbers


_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEAD = _LENGTH.size + _CRC.size
_MAX_RECORD_BYTES = 1 << 30
"""No record that is read is larger: an image of 18,000 x 18,000 pixels in colour still fits."""


def _masked_crc(content: bytes) -> int:
    """TFRecord's checksum: crc32c, rotated and offset (tensorflow/core/lib/hash/crc32c.h)."""
    crc: int = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(record: bytes) -> bytes:
    """A record in TFRecord framing: length, its checksum, content, its checksum."""
    length = _LENGTH.pack(len(record))
    return b"".join((length, _CRC.pack(_masked_crc(length)), record, _CRC.pack(_masked_crc(record))))


def framed_bytes(record: bytes) -> int:
    """The size in bytes of a record with its TFRecord framing."""
    return _HEAD + len(record) + _CRC.size


def unframe(shard: bytes) -> Iterator[bytes]:
    """The records of a whole shard in memory; see `read_records`."""
    return read_records(io.BytesIO(shard))


def read_records(file: IO[bytes]) -> Iterator[bytes]:
    """The records of a shard, read one at a time and each checked.

    Raises DataError with the byte offset of the first fault.
    """
    offset = 0
    while head := file.read(_HEAD):
        if len(head) < _HEAD or _CRC.unpack_from(head, _LENGTH.size)[0] != _masked_crc(head[: _LENGTH.size]):
            raise DataError(f"corrupt record header at byte {offset}")
        size = _LENGTH.unpack_from(head)[0]
        if size > _MAX_RECORD_BYTES:
            raise DataError(f"record at byte {offset} claims {size:,} bytes; no record is larger than {_MAX_RECORD_BYTES:,}")
        body = file.read(size + _CRC.size)
        if len(body) < size + _CRC.size:
            raise DataError(f"record at byte {offset} is cut off")
        record = body[:size]
        if _CRC.unpack_from(body, size)[0] != _masked_crc(record):
            raise DataError(f"corrupt record at byte {offset}")
        yield record
        offset += _HEAD + len(body)


def parse_batch(records: "tf.Tensor", features: Features) -> "dict[str, tf.Tensor]":
    """Decode a batch inside a TensorFlow graph.

    Args:
        records: string (batch,), serialised examples.
        features: what every record holds.

    Returns:
        By feature name: images uint8 (batch, height, width, channels), labels int64 (batch,), attributes int64
        (batch, n), vectors float32 (batch, n).
    """
    import tensorflow as tf

    layout = {name: _layout(feature) for name, feature in features.items()}
    batch = tf.io.parse_example(records, layout)
    for name, feature in image_features(features).items():
        batch[name] = _decode_pixels(batch[name], feature)
    return batch


def _layout(feature: Feature) -> "tf.io.FixedLenFeature":
    import tensorflow as tf

    if isinstance(feature, ImageFeature):
        return tf.io.FixedLenFeature([], tf.string)
    if isinstance(feature, LabelFeature):
        return tf.io.FixedLenFeature([], tf.int64)
    return tf.io.FixedLenFeature([len(feature.names)], feature.dtype)


def _decode_pixels(stored: "tf.Tensor", feature: ImageFeature) -> "tf.Tensor":
    import tensorflow as tf

    if feature.encoding is Encoding.RAW:
        pixels = tf.io.decode_raw(stored, tf.uint8)
    else:
        channels = feature.shape[-1]
        pixels = tf.map_fn(lambda png: tf.io.decode_png(png, channels=channels), stored, fn_output_signature=tf.uint8)
    return tf.reshape(pixels, (-1, *feature.shape))
