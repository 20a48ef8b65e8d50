"""Two ways to train a GAN of the DCGAN family with Keras: by `train_on_batch`, and by a custom `train_step`."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.networks.layers import plain_copy
from gan_train.recipe.base import Recipe
from gan_train.systems.build import build_system

Images = NDArray[np.float32]


def keras_networks(recipe: Recipe, dtype: str = "float32") -> tuple[keras.Model, keras.Model]:
    """Generator and discriminator (to probabilities, or to linear scores for least squares), of Keras' layers only."""
    system = build_system(recipe)
    generator, scores = (_in_dtype(plain_copy(system.players[name].network), dtype) for name in ("generator", "discriminator"))
    if recipe.loss == "least-squares":
        return generator, scores
    return generator, keras.Sequential([scores, keras.layers.Activation("sigmoid", dtype="float32")])


def _in_dtype(network: keras.Model, dtype: str) -> keras.Model:
    """The same network, whose layers but the last compute in another dtype."""

    def in_dtype(layer: keras.Layer) -> Any:
        kind = "float32" if layer is network.layers[-1] else dtype
        return layer.__class__.from_config(layer.get_config() | {"dtype": kind})

    return network if dtype == "float32" else keras.models.clone_model(network, clone_function=in_dtype)


def loss_name(recipe: Recipe) -> str:
    return "mse" if recipe.loss == "least-squares" else "binary_crossentropy"


def adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


class KerasLoop:
    """predict + train_on_batch (Brownlee, Generative Adversarial Networks with Python, ch. 7).

    In Keras 3 that loop silently leaves the discriminator untrained; here it is traced before it is frozen, so that it
    does the work it is meant to do.
    """

    def __init__(self, recipe: Recipe, reals: Images) -> None:
        self._recipe, self._reals, self._random = recipe, reals, np.random.default_rng(0)
        self._generator, self._discriminator = keras_networks(recipe)
        metrics = [] if recipe.loss == "least-squares" else ["accuracy"]
        self._discriminator.compile(loss=loss_name(recipe), optimizer=adam(), metrics=metrics)
        self._train_discriminator()
        self._discriminator.trainable = False
        self._composite = keras.Sequential([self._generator, self._discriminator])
        self._composite.compile(loss=loss_name(recipe), optimizer=adam())

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self._train_discriminator()
            count = self._recipe.batch_size
            self._composite.train_on_batch(self._latents(count), np.ones((count, 1), np.float32))

    def _latents(self, count: int) -> Images:
        return self._random.standard_normal((count, self._recipe.latent_size)).astype(np.float32)

    def _train_discriminator(self) -> None:
        half = self._recipe.batch_size // 2
        real = self._reals[self._random.integers(0, len(self._reals), half)]
        fake = self._generator.predict(self._latents(half), verbose=0)
        ones, zeros = np.ones((half, 1), np.float32), np.zeros((half, 1), np.float32)
        if self._recipe.discriminator_batch == "mixed":
            self._discriminator.train_on_batch(np.concatenate([real, fake]), np.concatenate([ones, zeros]))
        else:
            self._discriminator.train_on_batch(real, ones)
            self._discriminator.train_on_batch(fake, zeros)


class GraphStep:
    """A custom training loop as Keras' guides write it, in one tf.function that loops over the steps."""

    def __init__(self, recipe: Recipe, reals: Images, dtype: str = "float32") -> None:
        self._recipe, self._reals = recipe, tf.constant(reals)
        self._generator, self._discriminator = keras_networks(recipe, dtype)
        self._loss = keras.losses.get(loss_name(recipe))
        self._generator_adam, self._discriminator_adam = adam(), adam()
        for optimizer, network in self._pairs():
            optimizer.build(network.trainable_variables)
        self._steps = tf.function(self._train)

    def run(self, steps: int) -> None:
        self._steps(tf.constant(steps)).numpy()

    def _pairs(self) -> tuple[tuple[keras.optimizers.Optimizer, keras.Model], ...]:
        return (self._generator_adam, self._generator), (self._discriminator_adam, self._discriminator)

    def _train(self, steps: tf.Tensor) -> tf.Tensor:
        last = tf.constant(0.0)
        for _ in tf.range(steps):
            last = self._step()
        return last

    def _step(self) -> tf.Tensor:
        batch, size = self._recipe.batch_size, self._recipe.latent_size
        half = batch // 2
        real = tf.gather(self._reals, tf.random.uniform((half,), 0, len(self._reals), tf.int32))
        fake = self._generator(tf.random.normal((half, size)), training=False)
        if self._recipe.discriminator_batch == "mixed":
            parts = [(tf.concat([real, fake], 0), tf.concat([tf.ones((half, 1)), tf.zeros((half, 1))], 0))]
        else:
            parts = [(real, tf.ones((half, 1))), (fake, tf.zeros((half, 1)))]
        for images, labels in parts:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(self._loss(labels, self._discriminator(images, training=True)))
            self._update(tape, loss, self._discriminator_adam, self._discriminator)
        with tf.GradientTape() as tape:
            images = self._generator(tf.random.normal((batch, size)), training=True)
            loss = tf.reduce_mean(self._loss(tf.ones((batch, 1)), self._discriminator(images, training=True)))
        self._update(tape, loss, self._generator_adam, self._generator)
        return loss

    @staticmethod
    def _update(tape: tf.GradientTape, loss: tf.Tensor, optimizer: keras.optimizers.Optimizer, network: keras.Model) -> None:
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
