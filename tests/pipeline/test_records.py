"""The record layout: our writer, our reader and TensorFlow agree, and damage is always seen."""

import io
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from gan_pipeline.errors import DataError
from gan_pipeline.records import (
    Encoding,
    ExampleEncoder,
    RawExample,
    decode_example,
    decode_image,
    frame,
    parse_batch,
    unframe,
)
from tests.pipeline.helpers import examples, shards

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))


@st.composite
def raw_examples(draw: st.DrawFn) -> RawExample:
    shape = draw(SHAPES)
    pixels = draw(st.binary(min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    image = np.frombuffer(pixels, np.uint8).reshape(shape)
    return RawExample(draw(st.text(max_size=20)), image, draw(st.integers(-(2**63), 2**63 - 1)))


@given(raw_examples(), st.sampled_from(Encoding))
def test_an_example_survives_the_round_trip(example: RawExample, encoding: Encoding) -> None:
    record = ExampleEncoder(encoding).encode(example)
    back = decode_example(record, example.image.shape, encoding)
    assert (back.id, back.label, back.image.dtype) == (example.id, example.label, np.uint8)
    np.testing.assert_array_equal(back.image, example.image)
    assert ExampleEncoder(encoding).encode(back) == record


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_framing_survives_the_round_trip(records: list[bytes]) -> None:
    assert list(unframe(b"".join(map(frame, records)))) == records


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=3), st.data())
def test_any_changed_byte_of_a_shard_is_seen(records: list[bytes], data: st.DataObject) -> None:
    shard = bytearray(b"".join(map(frame, records)))
    at = data.draw(st.integers(0, len(shard) - 1))
    shard[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DataError, match="byte"):
        list(unframe(bytes(shard)))


def test_every_flipped_byte_of_a_real_shard_is_seen(digits: Path) -> None:
    shard = next(iter(shards(digits).values()))[: 3 * 862]
    chance = random.Random(0)
    for at in range(len(shard)):
        broken = bytearray(shard)
        broken[at] ^= chance.randrange(1, 256)
        with pytest.raises(DataError):
            list(unframe(bytes(broken)))


def test_a_cut_is_seen_except_between_records() -> None:
    shard = b"".join(map(frame, (b"one", b"", b"three")))
    whole = {0, 19, 35, len(shard)}
    for length in range(len(shard) + 1):
        if length in whole:
            assert len(list(unframe(shard[:length]))) == sorted(whole).index(length)
        else:
            with pytest.raises(DataError):
                list(unframe(shard[:length]))


def test_tensorflow_reads_what_we_frame(tmp_path: Path) -> None:
    import tensorflow as tf

    records = [b"", b"a", bytes(range(256)) * 5000]
    (tmp_path / "x.tfrecord").write_bytes(b"".join(map(frame, records)))
    assert list(tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord")).as_numpy_iterator()) == records
    with tf.io.TFRecordWriter(str(tmp_path / "y.tfrecord")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "y.tfrecord").read_bytes() == (tmp_path / "x.tfrecord").read_bytes()


@pytest.mark.parametrize("name", ["digits", "digits_png"])
def test_the_graph_reader_equals_ours(name: str, request: pytest.FixtureRequest) -> None:
    import tensorflow as tf

    folder: Path = request.getfixturevalue(name)
    encoding = Encoding.PNG if name.endswith("png") else Encoding.RAW
    ours = examples(folder)
    records = tf.data.TFRecordDataset(sorted(map(str, folder.glob("*.tfrecord"))))
    batches = records.batch(64).map(lambda batch: parse_batch(batch, (28, 28, 1), encoding))
    # A trainer needs the static shape to build its graph.
    assert batches.element_spec["image"].shape.as_list() == [None, 28, 28, 1]
    parsed = list(batches.as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([batch["image"] for batch in parsed]), np.stack([e.image for e in ours]))
    np.testing.assert_array_equal(np.concatenate([batch["label"] for batch in parsed]), [e.label for e in ours])
    assert parsed[0]["image"].dtype == np.uint8


def _png_of(pixels: np.ndarray, mode: str | None = None) -> bytes:
    buffer = io.BytesIO()
    image = Pillow.fromarray(pixels)
    (image.convert(mode) if mode else image).save(buffer, format="PNG")
    return buffer.getvalue()


GREY = np.zeros((4, 6), np.uint8)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        pytest.param(b"\0" * 23, Encoding.RAW, id="raw too short"),
        pytest.param(b"\0" * 25, Encoding.RAW, id="raw too long"),
        pytest.param(b"not a picture", Encoding.PNG, id="no png"),
        pytest.param(_png_of(GREY)[:-20], Encoding.PNG, id="cut png"),
        pytest.param(_png_of(GREY.T), Encoding.PNG, id="png turned on its side"),
        pytest.param(_png_of(GREY, "1"), Encoding.PNG, id="png of bits"),
        pytest.param(_png_of(GREY, "RGB"), Encoding.PNG, id="png in colour"),
        pytest.param(_png_of(GREY.astype(np.uint16)), Encoding.PNG, id="png of 16 bits"),
    ],
)
def test_an_image_that_is_not_the_promised_one_is_refused(content: bytes, encoding: Encoding) -> None:
    with pytest.raises(DataError):
        decode_image(content, (4, 6, 1), encoding)


@pytest.mark.parametrize("record", [b"", b"\xff\xff\xff", b"\x0a\x02\x08\x01"])
def test_a_record_of_another_layout_is_refused(record: bytes) -> None:
    with pytest.raises(DataError, match="not an example"):
        decode_example(record, (4, 6, 1), Encoding.RAW)
