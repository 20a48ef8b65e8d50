"""Image translation reads pairs in both directions and two domains, each in an order of its own, and refuses other data."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_core.errors import DataError, UsageError
from gan_train.data.dataset import Dataset, open_dataset
from gan_train.data.input import Chunks
from gan_train.data.reader import Reader, examples_of, first_examples, training_examples
from tests.support.catalogue import small

PIX2PIX, CYCLEGAN = small("maps-pix2pix"), small("horse2zebra-cyclegan")


def ids(dataset: Dataset, stream: int, count: int, position: int = 0) -> list[bytes]:
    """The records of a stream, which are as good as their names."""
    return list(islice(Reader(dataset, 0, dataset.streams[stream]).records(position), count))


def test_reverse_swaps_source_and_target_of_the_same_pairs(pairs_16: Path) -> None:
    forward = first_examples(open_dataset(str(pairs_16), PIX2PIX), 0, 9)
    back = first_examples(open_dataset(str(pairs_16), small("maps-pix2pix-reverse")), 0, 9)
    np.testing.assert_array_equal(forward["source"], back["target"])
    np.testing.assert_array_equal(forward["target"], back["source"])
    # The source of these pairs is grey.
    assert np.ptp(forward["source"].astype(int), axis=-1).max() == 0 < np.ptp(back["source"].astype(int), axis=-1).max()


def test_what_is_shown_is_held_out_where_it_can_be(pairs_16: Path, pairs_64: Path) -> None:
    held_out, all_of_it = (
        open_dataset(str(pairs_16), PIX2PIX),
        open_dataset(str(pairs_64), small("maps-pix2pix", "image.shape=[64,64,3]")),
    )
    assert held_out.shows_unseen
    assert [stream.split for stream in held_out.shown] == ["held-out"]
    trained = {example.id for example in training_examples(held_out, 0)}
    assert not trained & {example.id for example in examples_of(held_out, 0, held_out.shown[0])}
    assert not all_of_it.shows_unseen


def test_domains_have_epochs_of_their_own_length(domains_16: Path) -> None:
    dataset = open_dataset(str(domains_16), CYCLEGAN)
    a, b = dataset.streams
    assert (dataset.examples_of(a), dataset.examples_of(b)) == (36, 20)
    assert dataset.examples == 36
    for stream, length in ((0, 36), (1, 20)):
        first, second = ids(dataset, stream, length), ids(dataset, stream, length, position=length)
        assert sorted(first) == sorted(second)
        assert first != second
    assert [stream.split for stream in dataset.shown] == ["testA", "testB"]


def test_pairs_serve_as_domains_in_which_nothing_belongs_together(pairs_16: Path) -> None:
    dataset = open_dataset(str(pairs_16), CYCLEGAN)
    orders = [[example.id for example in examples_of(dataset, 0, stream)] for stream in dataset.streams]
    assert sorted(orders[0]) == sorted(orders[1])
    assert sum(a == b for a, b in zip(*orders, strict=True)) < 8


@pytest.mark.parametrize("start", [0, 17])
def test_chunks_hold_both_domains_from_any_step(domains_16: Path, start: int) -> None:
    dataset = open_dataset(str(domains_16), CYCLEGAN)
    chunk = Chunks(dataset, 0, tf.distribute.get_strategy(), start, [3], batches=1, reals_per_batch=2).take()
    assert set(chunk) == {"a", "b"}
    for name, stream in zip("ab", dataset.streams, strict=True):
        expected = list(islice(cycled(dataset, stream.order == ""), 2 * start, 2 * start + 6))
        np.testing.assert_array_equal(np.asarray(chunk[name]).reshape(6, 16, 16, 3), np.stack(expected))


def cycled(dataset: Dataset, first: bool) -> list[np.ndarray]:
    """The images of a stream for some epochs, by its records alone."""
    stream = dataset.streams[0 if first else 1]
    records = Reader(dataset, 0, stream).records(0)
    parsed = (
        tf.train.Example.FromString(record).features.feature["image"].bytes_list.value[0] for record in islice(records, 60)
    )
    return [np.frombuffer(pixels, np.uint8).reshape(16, 16, 3) for pixels in parsed]


def test_a_changed_shard_of_either_domain_is_found(domains_16: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(domains_16, copy)
    shard = next(copy.glob("trainB-00001*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    dataset = open_dataset(str(copy), CYCLEGAN)
    with pytest.raises(DataError, match="trainB-00001"):
        list(examples_of(dataset, 0, dataset.streams[1]))
    fewer = dataset.without([shard.name])
    assert fewer.examples == 36
    assert fewer.examples_of(fewer.streams[1]) < 20
    assert 0 < fewer.skipped_share < 0.5


def test_single_images_are_no_pairs_and_no_domains(pictures_32: Path, domains_16: Path) -> None:
    shape = "image.shape=[32,32,3]"
    with pytest.raises(UsageError, match="holds no pairs, recipe maps-pix2pix wants them; 'gan-pipeline prepare pairs'"):
        open_dataset(str(pictures_32), small("maps-pix2pix", shape))
    with pytest.raises(UsageError, match="holds one domain, train, recipe horse2zebra-cyclegan wants two"):
        open_dataset(str(pictures_32), small("horse2zebra-cyclegan", shape))
    with pytest.raises(UsageError, match="holds no pairs"):
        open_dataset(str(domains_16), PIX2PIX)


def test_images_of_another_size_are_refused_with_what_to_do(pairs_16: Path) -> None:
    wanted = small("maps-pix2pix", "image.shape=[64,64,3]")
    with pytest.raises(UsageError, match="sources are 16x16x3, the recipe takes 64x64x3; prepare it with --image-size 64"):
        open_dataset(str(pairs_16), wanted)


def test_a_dataset_without_training_examples_is_refused(tmp_path: Path) -> None:
    from tests.support.photographs import beside, photographs, save_pictures
    from tests.support.training_data import prepare

    pairs = (beside(picture, picture) for picture in photographs()[:4])
    save_pictures(tmp_path / "raw" / "val", pairs)
    folder = prepare(
        tmp_path / "data", "pairs", "--source", str(tmp_path / "raw"), "--split", "validation", "--image-size", "16"
    )
    with pytest.raises(DataError, match="no split 'train', it has validation; prepare it with --split train"):
        open_dataset(str(folder), PIX2PIX)
