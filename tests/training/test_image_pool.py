"""The pool of earlier fakes works image by image, whatever the batches and replicas (Shrivastava et al. 2017)."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_train.numerics.randomness import Draw
from gan_train.objectives.image_pool import ImagePool
from gan_train.testing import mirrored

SHAPE = (2, 2, 1)


def numbered(first: int, count: int) -> tf.Tensor:
    """Images that all differ, one after the other."""
    return tf.reshape(tf.repeat(tf.range(first, first + count, dtype=tf.float32), 4), (count, *SHAPE))


def numbers(images: tf.Tensor) -> list[int]:
    return [int(image[0, 0, 0]) for image in images.numpy()]


def draw(step: int) -> Draw:
    return Draw(7, tf.constant(step, tf.int64), 0, 0, 1)


def by_the_rule(size: int, batches: list[int]) -> tuple[list[int], list[int]]:
    """The images shown and the final pool, by the rule of the paper in plain Python."""
    pool: list[int] = []
    shown: list[int] = []
    first = 0
    for step, count in enumerate(batches):
        for number, (chance, slot) in enumerate(draw(step).shared_uniform(count, 2).numpy(), first):
            if len(pool) < size:
                pool.append(number)
                shown.append(number)
            elif chance < 0.5:
                shown.append(number)
            else:
                place = int(slot * size)
                shown.append(pool[place])
                pool[place] = number
        first += count
    return shown, pool


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 5), batches=st.lists(st.integers(1, 3), min_size=1, max_size=8))
def test_the_rule_holds_for_every_size_and_batch(size: int, batches: list[int]) -> None:
    pool, shown, first = ImagePool(size, SHAPE, "pool"), [], 0
    for step, count in enumerate(batches):
        shown += numbers(pool.exchanged(numbered(first, count), draw(step)))
        first += count
    expected, kept = by_the_rule(size, batches)
    assert shown == expected
    images, count = pool.variables
    assert int(count) == len(kept)
    assert numbers(tf.convert_to_tensor(images))[: len(kept)] == kept


def test_a_pool_that_fills_shows_what_comes_and_then_about_half_of_it() -> None:
    pool = ImagePool(50, SHAPE, "pool")
    shown = [numbers(pool.exchanged(numbered(step, 1), draw(step)))[0] for step in range(450)]
    assert shown[:50] == list(range(50))
    new = sum(number == step for step, number in enumerate(shown[50:], 50))
    assert 160 < new < 240
    earlier = [number for step, number in enumerate(shown) if number != step]
    assert len(set(earlier)) == len(earlier), "an image that was taken out came again"


def test_without_a_pool_fakes_are_shown_as_they_come() -> None:
    pool = ImagePool(0, SHAPE, "pool")
    assert pool.variables == ()
    fakes = numbered(0, 3)
    assert pool.exchanged(fakes, draw(0)) is fakes


def test_two_replicas_keep_one_pool() -> None:
    """Each shows its share of what one replica shows, and both hold the same images."""
    alone, strategy = ImagePool(3, SHAPE, "pool"), mirrored(2)
    with strategy.scope():
        shared = ImagePool(3, SHAPE, "pool")

    @tf.function
    def both(step: tf.Tensor) -> tf.distribute.DistributedValues:
        def one() -> tf.Tensor:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            fakes = numbered(0, 2) + tf.cast(4 * step, tf.float32) + 2.0 * tf.cast(replica, tf.float32)
            return shared.exchanged(fakes, Draw(7, step, 0, replica, 2))

        return strategy.run(one)

    for step in range(4):
        expected = alone.exchanged(numbered(4 * step, 4), draw(step)).numpy()
        shares = strategy.experimental_local_results(both(tf.constant(step, tf.int64)))
        np.testing.assert_array_equal(np.concatenate([share.numpy() for share in shares]), expected)
    copies = [copy.numpy() for copy in strategy.experimental_local_results(shared.variables[0].value)]
    np.testing.assert_array_equal(copies[0], alone.variables[0].numpy())
    np.testing.assert_array_equal(copies[1], copies[0])
