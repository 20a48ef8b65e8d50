"""The record layout: our writer, our reader and TensorFlow agree, and damage is always seen."""

import hashlib
import io
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from gan_core.errors import DataError
from gan_pipeline.dataset.features import (
    AttributesFeature,
    Encoding,
    Feature,
    Features,
    ImageFeature,
    LabelFeature,
    VectorFeature,
)
from gan_pipeline.dataset.records import (
    Example,
    ExampleEncoder,
    Value,
    decode_example,
    decode_image,
    frame,
    unframe,
)
from tests.support.datasets import shards

pytestmark = pytest.mark.quick

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))


DIGIT: Features = {
    "image": ImageFeature(shape=(4, 6, 1), encoding=Encoding.RAW),
    "label": LabelFeature(class_names=tuple("0123456789")),
}


@st.composite
def images(draw: st.DrawFn) -> tuple[ImageFeature, Value]:
    shape = draw(SHAPES)
    pixels = draw(st.binary(min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    feature = ImageFeature.model_validate({"shape": shape, "encoding": draw(st.sampled_from(Encoding))})
    return feature, np.frombuffer(pixels, np.uint8).reshape(shape)


@st.composite
def numbers(draw: st.DrawFn) -> tuple[Feature, Value]:
    names = tuple(draw(st.lists(st.text(max_size=5), min_size=1, max_size=5)))
    kind = draw(st.sampled_from((LabelFeature, AttributesFeature, VectorFeature)))
    if kind is LabelFeature:
        return LabelFeature(class_names=names), draw(st.integers(0, len(names) - 1))
    each = st.integers(0, 1) if kind is AttributesFeature else st.floats(allow_nan=False, width=32)
    feature = kind(names=names)
    return feature, np.asarray(draw(st.lists(each, min_size=len(names), max_size=len(names))), feature.dtype)


@st.composite
def anything(draw: st.DrawFn) -> tuple[Features, Example]:
    """One to four features of any kinds, and an example of them."""
    drawn = draw(st.dictionaries(st.sampled_from(("a", "image", "label", "z")), images() | numbers(), min_size=1))
    values = {name: value for name, (_, value) in drawn.items()}
    return {name: feature for name, (feature, _) in drawn.items()}, Example(draw(st.text(max_size=20)), values)


@given(anything())
def test_an_example_survives_the_round_trip(given: tuple[Features, Example]) -> None:
    features, example = given
    encoder = ExampleEncoder(features)
    record = encoder.encode(example)
    back = decode_example(record, features)
    assert back.id == example.id
    assert back.values.keys() == example.values.keys()
    for name, value in example.values.items():
        np.testing.assert_array_equal(back.values[name], value)
        assert np.asarray(back.values[name]).dtype == np.asarray(value).dtype
    # Neither what the encoder held before nor where the values come from makes a difference.
    assert encoder.encode(back) == ExampleEncoder(features).encode(back) == record


def test_the_layout_of_a_digit_never_changes() -> None:
    # Datasets in the field rest on this: a change here needs a new manifest schema.
    image = np.arange(24, dtype=np.uint8).reshape(4, 6, 1)
    record = ExampleEncoder(DIGIT).encode(Example("train-000007", {"image": image, "label": 8}))
    assert hashlib.sha256(frame(record)).hexdigest() == "e8a6ee9aae96484b8545c61b438591c0292d4fe83cd1882818bbd652b878464f"


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
        decode_example(record, DIGIT)


@pytest.mark.parametrize(
    ("feature", "stored", "words"),
    [
        (LabelFeature(class_names=("a", "b")), 2, "number 2 is outside 0..1"),
        (LabelFeature(class_names=("a", "b")), -1, "number -1 is outside 0..1"),
        (AttributesFeature(names=("a", "b")), np.array([1, 0, 1]), "number has 3 numbers where 2 are expected"),
        (AttributesFeature(names=("a", "b")), np.array([1, -1]), "number holds a number that is neither 0 nor 1"),
        (VectorFeature(names=("x", "y")), np.array([0.5]), "number has 1 numbers where 2 are expected"),
    ],
)
def test_a_number_that_is_not_the_promised_one_is_refused(feature: Feature, stored: Value, words: str) -> None:
    record = ExampleEncoder({"number": feature}).encode(Example("one", {"number": stored}))
    with pytest.raises(DataError, match=re.escape(words)):
        decode_example(record, {"number": feature})
