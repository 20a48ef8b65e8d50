"""TensorFlow reads the records and shards that we write, in graphs too, as our own reader does."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_core.storage import open_folder
from gan_pipeline.dataset.features import (
    AttributesFeature,
    Features,
    VectorFeature,
)
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.records import (
    Example,
    ExampleEncoder,
    frame,
    parse_batch,
)
from tests.support.datasets import images_of, labels_of


def test_tensorflow_reads_what_we_frame(tmp_path: Path) -> None:
    records = [b"", b"a", bytes(range(256)) * 5000]
    (tmp_path / "x.tfrecord").write_bytes(b"".join(map(frame, records)))
    assert list(tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord")).as_numpy_iterator()) == records
    with tf.io.TFRecordWriter(str(tmp_path / "y.tfrecord")) as writer:
        for record in records:
            writer.write(record)
    assert (tmp_path / "y.tfrecord").read_bytes() == (tmp_path / "x.tfrecord").read_bytes()


@pytest.mark.parametrize("name", ["digits", "digits_png"])
def test_the_graph_reader_equals_ours(name: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(name)
    features = read_manifest(open_folder(folder)).features
    records = tf.data.TFRecordDataset(sorted(map(str, folder.glob("*.tfrecord"))))
    batches = records.batch(64).map(lambda batch: parse_batch(batch, features))
    # A trainer needs the static shape to build its graph.
    assert batches.element_spec["image"].shape.as_list() == [None, 28, 28, 1]
    parsed = list(batches.as_numpy_iterator())
    np.testing.assert_array_equal(
        np.concatenate([batch["image"] for batch in parsed]), np.stack(list(images_of(folder).values()))
    )
    np.testing.assert_array_equal(np.concatenate([batch["label"] for batch in parsed]), labels_of(folder))
    assert parsed[0]["image"].dtype == np.uint8


def test_the_graph_reader_equals_ours_for_every_kind_of_number() -> None:
    features: Features = {"attributes": AttributesFeature(names=("a", "b", "c")), "point": VectorFeature(names=("x", "y"))}
    written = [{"attributes": np.array([1, 0, n % 2]), "point": np.array([n / 3, -n], np.float32)} for n in range(5)]
    records = [ExampleEncoder(features).encode(Example(str(n), values)) for n, values in enumerate(written)]
    parsed = parse_batch(tf.constant(records), features)
    for name, dtype in (("attributes", np.int64), ("point", np.float32)):
        assert parsed[name].dtype == dtype
        np.testing.assert_array_equal(parsed[name], [values[name] for values in written])
