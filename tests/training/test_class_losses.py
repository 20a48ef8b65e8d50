"""Losses on classes and codes against numbers worked by hand, and against Keras' own."""

import gzip
from collections.abc import Sequence
from importlib.resources import files

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gan_train.data.pixels import to_range
from gan_train.networks.dcgan import build_generator
from gan_train.networks.layers import inference_pass, training_pass
from gan_train.networks.sgan import build_classifier
from gan_train.numerics.randomness import Draw
from gan_train.objectives.class_losses import class_cross_entropy, information, real_score
from gan_train.objectives.losses import FAKE, REAL, cross_entropy
from gan_train.recipe.document import load_recipe
from gan_train.recipe.sgan import ClassifierConfig

K = 10

logit = st.floats(-30, 30, width=32)


def rows(*logits: Sequence[float]) -> tf.Tensor:
    return tf.constant(logits, tf.float32)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-10.0, 0.00013618124143106674),
        (-1.0, 0.5246331135813284),
        (0.0, 0.75),
        (1.0, 0.890768227426964),
        (10.0, 0.9999848669190928),
    ],
)
def test_the_semi_supervised_score_has_worked_values(value: float, expected: float) -> None:
    score = real_score(rows([value] * 3))
    assert score.shape == (1, 1) and score.dtype == tf.float32
    np.testing.assert_allclose(tf.sigmoid(score), [[expected]], rtol=2e-6)


@given(st.lists(logit, min_size=K, max_size=K))
def test_the_score_is_that_of_one_more_class_whose_logit_is_zero(logits: list[float]) -> None:
    real = cross_entropy(real_score(rows(logits)), REAL)
    fake = cross_entropy(real_score(rows(logits)), FAKE)
    likelihood = tf.nn.log_softmax(rows([*logits, 0.0]))[0]
    np.testing.assert_allclose(real, [-tf.reduce_logsumexp(likelihood[:K])], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fake, [-likelihood[K]], rtol=1e-4, atol=1e-5)


def test_the_score_neither_saturates_nor_overflows() -> None:
    """Logits of 20 give 22.30 on fakes and a gradient of 0.1 per logit, where the ratio has none."""
    logits = rows([20.0] * K, [90.0] * K, [-200.0] * K, [1e4] * K)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = cross_entropy(real_score(logits), FAKE)
    np.testing.assert_allclose(losses, [22.302585, 92.302585, 0.0, 10002.3026], rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(losses, logits), np.outer([0.1, 0.1, 0.0, 0.1], np.ones(K)), atol=1e-6)


def test_losses_of_logits_of_zero() -> None:
    zeros, labels = tf.zeros((4, K)), tf.constant([0, 3, 9, 9], tf.int64)
    for losses, expected in (
        (class_cross_entropy(zeros, labels), 2.302585),
        (information(zeros, labels), 0.0),
        (cross_entropy(real_score(zeros), REAL), 0.0953102),
        (cross_entropy(real_score(zeros), FAKE), 2.3978953),
    ):
        assert losses.shape == (4,) and losses.dtype == tf.float32
        np.testing.assert_allclose(losses, [expected] * 4, atol=1e-6)


def first_digits(count: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Images, uint8 (n, 28, 28, 1), and labels, uint8 (n,), of the package's digits."""
    sample = files("gan_pipeline") / "sample"
    pixels, labels = (
        np.frombuffer(gzip.decompress((sample / f"t10k-{name}.gz").read_bytes()), np.uint8, offset=offset)
        for name, offset in (("images-idx3-ubyte", 16), ("labels-idx1-ubyte", 8))
    )
    return tf.constant(pixels[: count * 784].reshape(count, 28, 28, 1)), tf.constant(labels[:count])


def test_first_losses_of_the_semi_supervised_gan_on_digits() -> None:
    """The losses of a first step are 2.303, 0.095, 2.398 and 0.095, on its own networks, images and passes."""
    recipe = load_recipe("mnist-gan", ["image.range=symmetric"])
    generator = build_generator(recipe.generator, recipe.latent_size, recipe.image, seed=0)
    classifier = build_classifier(ClassifierConfig(), K, recipe.image, seed=1_000)
    draw = Draw(0, tf.constant(0, tf.int64), 0, 0, 1)
    pixels, labels = first_digits(50)
    digits = to_range(pixels, "symmetric")
    fakes = inference_pass(generator, draw.normal(50, 100))

    def logits(images: tf.Tensor) -> tf.Tensor:
        return training_pass(classifier, images, draw, update_statistics=True)

    losses = [
        class_cross_entropy(logits(digits), tf.cast(labels, tf.int64)),
        cross_entropy(real_score(logits(digits)), REAL),
        cross_entropy(real_score(logits(fakes)), FAKE),
        cross_entropy(real_score(logits(inference_pass(generator, draw.normal(100, 100)))), REAL),
    ]
    means = [float(tf.reduce_mean(loss)) for loss in losses]
    np.testing.assert_allclose(means, [2.303, 0.095, 2.398, 0.095], atol=0.02)


@pytest.mark.parametrize("kind", [tf.int32, tf.int64])
def test_class_cross_entropy_is_that_of_keras(kind: tf.DType) -> None:
    logits = tf.constant(np.random.default_rng(0).normal(0, 5, (16, K)).astype(np.float32))
    labels = tf.cast(tf.range(16) % K, kind)
    expected = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    np.testing.assert_allclose(class_cross_entropy(logits, labels), expected, rtol=1e-6)


def test_a_label_that_is_no_class_is_refused_on_a_cpu() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"outside the valid range|not in \[0, 10\)"):
        class_cross_entropy(tf.zeros((1, K)), tf.constant([K]))


def test_what_q_knows_goes_from_nothing_to_the_entropy_of_the_code() -> None:
    logits = tf.concat([tf.zeros((1, K)), 50.0 * tf.one_hot([3, 4], K)], axis=0)
    guess, sure, misled = information(logits, tf.constant([3, 3, 3])).numpy()
    np.testing.assert_allclose([guess, sure], [0.0, np.log(K)], atol=1e-6)
    assert misled < -40


@given(st.lists(logit, min_size=K, max_size=K), st.integers(0, K - 1))
def test_descent_on_the_cross_entropy_is_ascent_on_the_information(logits: list[float], code: int) -> None:
    """Their sum, the entropy of the code, is a constant (Chen et al. 2016)."""
    inputs = rows(logits)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        loss, known = class_cross_entropy(inputs, [code]), information(inputs, [code])
    np.testing.assert_allclose(tape.gradient(loss, inputs), -tape.gradient(known, inputs), atol=1e-6)
    np.testing.assert_allclose(loss + known, [np.log(K)], rtol=1e-5, atol=1e-5)
